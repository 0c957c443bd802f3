package web_test

import (
	"strings"
	"testing"

	"wxlogin/internal/auth"
)

// The whole trip of a person whom nobody knows yet, with a library that applications
// use: login, consent, code, tokens, userinfo.
func TestLoginToAnApplication(t *testing.T) {
	for path, alg := range map[string]auth.Alg{"": auth.RS256, "/wx": auth.ES256} {
		w := newWorld(t, options{path: path})
		app := w.app("Wiki", func(c *auth.Client) { c.Alg = alg })
		phone := w.phone("lin")
		token, claims := app.login(phone)
		header := headerOf(t, token.Extra("id_token").(string))
		if header.Alg != alg {
			t.Errorf("signed by %s, want %s", header.Alg, alg)
		}
		if p := phone.get("/oidc/jwks"); header.KID == "" || !strings.Contains(p.Body, `"kid":"`+header.KID+`"`) {
			t.Errorf("the key %q is not published: %s", header.KID, p.Body)
		}
		info, err := app.userinfo(token)
		check(t, err)
		for name, want := range map[string]any{"sub": phone.me()["id"], "name": phone.me()["nickname"]} {
			if claims[name] != want || info[name] != want {
				t.Errorf("%s: ID token %v, userinfo %v, want %v", name, claims[name], info[name], want)
			}
		}
		if claims["nonce"] != "the nonce" || info["nonce"] != nil {
			t.Errorf("nonce: %v, %v", claims["nonce"], info["nonce"])
		}
		// Asked once: the second time the browser goes through without a page.
		again, _ := app.login(phone)
		app.wantIn(again)
		app.wantIn(token)
	}
}
