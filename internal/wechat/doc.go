// Package wechat is the client of WeChat's web authorization (网页授权): it builds
// the authorize address, spends codes and reads profiles, and it sorts WeChat's
// errcodes into the reasons of package auth.
//
// It does not know browsers, sessions or the database, and keeps nothing. The
// facts of the protocol are from Tencent's H5 guide ("official") and from public
// field reports; a comment says which where it matters.
package wechat
