// Package idtoken makes and checks the signed tokens of OpenID Connect: ID tokens and
// logout tokens. It holds, publishes and rotates the keys, and sends logout tokens to the
// clients that asked for them.
//
// It does not know what a token says about a person, when somebody is signed in, or where
// keys and notices are stored. Of wxlogin it imports auth alone.
package idtoken
