// Package demo makes up people for `server demo`, as many as a small shop has, and
// enough of their history to fill the charts.
//
// It does not know WeChat, its simulator, commands or settings: it writes into the
// database it is handed, and nobody in it was ever there.
package demo
