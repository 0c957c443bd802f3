// Package auth is signing in: who a person is, what a login saves and what keeps a
// person out.
//
// It does not know HTTP, cookies, SQL, WeChat's wire format, or what admins do and see.
// What it needs from outside it declares as interfaces: a Provider (WeChat, over the
// network), a Store (the database). It imports nothing else of wxlogin.
package auth
