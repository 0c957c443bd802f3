// Package admin is what admins may do and see: who is an admin, their acts, the audit log
// of these acts, and the queries behind lists and charts.
//
// It does not know how people sign in, nor HTTP, cookies or SQL. It declares an interface
// for the store of its acts. Of wxlogin it imports auth alone, for people, sessions and
// errors.
package admin
