// Package idtoken makes and checks the tokens of OpenID Connect that are signed: ID
// tokens and logout tokens. It has the keys, publishes and rotates them, and brings
// logout tokens to the clients that asked for them.
//
// It does not know what a token says of a person, when somebody is signed in or where
// keys and notices are kept. Of wxlogin it imports auth alone.
package idtoken
