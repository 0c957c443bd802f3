package web_test

import (
	"testing"
)

// The whole trip of a person whom nobody knows yet, with a library that applications
// use: login, consent, code, tokens, userinfo.
func TestLoginToAnApplication(t *testing.T) {
	for _, path := range []string{"", "/wx"} {
		w := newWorld(t, options{path: path})
		app := w.app("Wiki", nil)
		phone := w.phone("lin")
		token, claims := app.login(phone)
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
