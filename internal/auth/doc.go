// Package auth is the domain of wxlogin: who a person is, what a login writes
// down, who may open the admin pages and what shuts a person out.
//
// It does not know HTTP, cookies, SQL or WeChat's wire format. What it needs of
// the world it names as interfaces: a Provider (WeChat is a network), a Store
// and a DeskStore (rows somewhere). It imports nothing else of wxlogin.
package auth
