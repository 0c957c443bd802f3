// Package admin is what admins may do and see: who is one, their acts, the audit
// log of these acts, and the queries behind lists and charts.
//
// It does not know how people sign in, nor HTTP, cookies or SQL. Where its acts
// are written down it names as an interface. Of wxlogin it imports auth alone, for
// people, sessions and errors.
package admin
