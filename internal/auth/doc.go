// Package auth is signing in: who a person is, what a login writes down and what
// keeps a person out.
//
// It does not know what admins do and see, HTTP, cookies, SQL or WeChat's wire
// format. What it needs of the world it names as interfaces: a Provider (WeChat is
// a network), a Store (rows somewhere). It imports nothing else of wxlogin.
package auth
