// Package wechat is the client of WeChat's endpoints for one account: it builds the
// authorize address, spends codes of pages and of mini programs, reads profiles and
// followers, asks for the account's own access token and tickets, and sorts WeChat's
// errcodes into the reasons of package auth.
//
// It does not know browsers, sessions or the database, and stores nothing. The facts of the
// protocol are from Tencent's H5 guide ("official") and from public field reports; comments
// say which where it matters.
package wechat
