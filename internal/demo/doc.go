// Package demo makes up people for `server demo`, as many as a small shop has, with enough
// history to fill the charts.
//
// It does not know WeChat, its simulator, commands or settings: it writes into the
// database that it is given, and none of its people exist.
package demo
