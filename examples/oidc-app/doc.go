// Package oidcapp is an application that logs people in with WeChat: it uses wxlogin as it
// would any OpenID Connect provider. login.go is what an application has to add; app.go is
// the application around it, which has one page.
//
// `server demo` runs it. It knows an issuer, a client_id and a client_secret, and
// nothing of wxlogin.
package oidcapp
