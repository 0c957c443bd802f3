package oidcapp

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// loginTime is how long a login may take.
const loginTime = 10 * time.Minute

// loginCookie is the cookie of a login in progress. With https it should be Secure, with a
// name that begins with __Host-.
func loginCookie(state, value string, lifetime time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: "sample_login_" + state, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // Strict would be missing from the callback
	}
}

// login redirects a browser to wxlogin. The values that check the answer stay in the
// browser, in a cookie for each login, so that two tabs can log in at once.
func (a *App) login(w http.ResponseWriter, r *http.Request) error {
	provider, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	http.SetCookie(w, loginCookie(state, nonce+"."+verifier, loginTime))
	address := a.oauth(provider).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	http.Redirect(w, r, address, http.StatusFound)
	return nil
}

// callback is where wxlogin redirects the browser back to, with a code or an error.
func (a *App) callback(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	// First: did this browser begin the login? Somebody else's code would log that person
	// in here.
	cookie, err := r.Cookie(loginCookie(query.Get("state"), "", 0).Name)
	if err != nil || query.Get("state") == "" {
		return refusal{"不是在这个浏览器里发起的，或已过时", "This login was not begun in this browser, or too long ago"}
	}
	http.SetCookie(w, loginCookie(query.Get("state"), "", -time.Second))
	if query.Get("iss") != a.config.Issuer { // RFC 9207
		return refusal{"应答来自别的服务", "The answer is another provider's"}
	}
	if code := query.Get("error"); code != "" {
		return refusal{"没有登录（" + code + "）", "You are not logged in"}
	}
	nonce, verifier, _ := strings.Cut(cookie.Value, ".")
	found, err := a.redeem(r.Context(), query.Get("code"), nonce, verifier)
	if err != nil {
		return err
	}
	a.beginSession(w, found)
	// Leave the address that has a code in it.
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// redeem exchanges the code for tokens and returns the person whom they identify.
func (a *App) redeem(ctx context.Context, code, nonce, verifier string) (*person, error) {
	ctx = oidc.ClientContext(ctx, a.client)
	provider, err := a.discover(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := a.oauth(provider).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	// Signature, issuer, audience and time.
	idToken, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: a.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != nonce {
		return nil, errors.New("the ID token is for another login")
	}
	p := &person{Subject: idToken.Subject, idToken: raw, ends: idToken.Expiry}
	if err := errors.Join(idToken.VerifyAccessToken(tokens.AccessToken), idToken.Claims(p), idToken.Claims(&p.Told)); err != nil {
		return nil, err
	}
	// The ID token has everything already; this is for applications that ask later.
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if info.Subject != p.Subject {
		return nil, errors.New("userinfo is about somebody else")
	}
	return p, info.Claims(&p.Info)
}

// logout ends the session here, and then the one at wxlogin, which redirects the browser
// back.
func (a *App) logout(w http.ResponseWriter, r *http.Request) error {
	gone := a.endSession(w, r)
	provider, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	var ends struct {
		Endpoint string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&ends); err != nil {
		return err
	}
	query := url.Values{"client_id": {a.config.ClientID}, "post_logout_redirect_uri": {a.config.URL + "/"}}
	if gone != nil {
		query.Set("id_token_hint", gone.idToken) // without it, wxlogin asks for confirmation
	}
	http.Redirect(w, r, ends.Endpoint+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// discover reads wxlogin's endpoints and keys once.
func (a *App) discover(ctx context.Context) (*oidc.Provider, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.provider == nil {
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, a.client), a.config.Issuer)
		if err != nil {
			return nil, err
		}
		a.provider = provider
	}
	return a.provider, nil
}

func (a *App) oauth(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: a.config.ClientID, ClientSecret: a.config.ClientSecret,
		Endpoint: provider.Endpoint(), RedirectURL: a.config.URL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
}
