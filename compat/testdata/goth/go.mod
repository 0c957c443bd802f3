// goth as a client of OpenID Connect, in a module of its own.
module goth-login

go 1.24

require github.com/markbates/goth v1.82.0

require golang.org/x/oauth2 v0.27.0 // indirect
