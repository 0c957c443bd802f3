package web_test

import (
	"context"
	"fmt"
	htmltext "html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// app is an application that asks us who somebody is, with coreos/go-oidc and
// x/oauth2 as in life.
type app struct {
	w        *world
	client   auth.Client
	secret   auth.Secret
	ctx      context.Context
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier string // of PKCE, of the login that has begun
	refresh  string // a refresh token to be revoked
}

const appURI = "https://app.example.com/callback"

// app adds an application. change, if not nil, changes it first.
func (w *world) app(name string, change func(*auth.Client)) *app {
	w.t.Helper()
	c := auth.Client{
		Name: name, RedirectURIs: []string{appURI}, LogoutURIs: []string{"https://app.example.com/bye"},
		Account: auth.MainAccount, Alg: auth.ES256,
	}
	if change != nil {
		change(&c)
	}
	c, secret, err := w.admins.AddClient(w.t.Context(), admin.CommandLine(), c, c.SecretHash == publicClient)
	check(w.t, err)
	check(w.t, w.idTokens.Ensure(w.t.Context(), c.Alg)) // as the command does
	a := &app{w: w, client: c, secret: secret}
	a.ctx = oidc.ClientContext(w.t.Context(), &http.Client{Transport: w.transport})
	a.provider, err = oidc.NewProvider(a.ctx, w.public)
	check(w.t, err)
	a.oauth = oauth2.Config{
		ClientID: c.ID, ClientSecret: string(secret), Endpoint: a.provider.Endpoint(), RedirectURL: c.RedirectURIs[0],
		Scopes: []string{"openid", "profile"},
	}
	return a
}

// publicClient in the place of a secret's hash asks app for a public client.
const publicClient = "public"

func public(c *auth.Client) { c.SecretHash = publicClient }

// begins is the address that the application sends a browser to.
func (a *app) begins(options ...oauth2.AuthCodeOption) string {
	a.verifier = oauth2.GenerateVerifier()
	return a.oauth.AuthCodeURL("the state", append([]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier), oidc.Nonce("the nonce")}, options...)...)
}

// comesBack follows a browser until it is sent to the application, saying yes if it is
// asked, and returns what the application is told.
func (b *browser) comesBack(p *page) url.Values {
	b.w.t.Helper()
	for range 30 {
		switch {
		case p.Status >= 300 && p.Status < 400:
			next, err := p.URL.Parse(p.Header.Get("Location"))
			check(b.w.t, err)
			if !b.ours(next) {
				return next.Query()
			}
			p = b.get(next.String())
		case strings.Contains(p.Body, `name="answer" value="yes"`):
			p = b.agrees(p)
		case strings.Contains(p.Body, `http-equiv="refresh"`):
			next, err := p.URL.Parse(p.refresh())
			check(b.w.t, err)
			if !b.ours(next) {
				return next.Query()
			}
			p = b.get(next.String())
		case strings.Contains(p.Body, "/login?consent=1"):
			p = b.get(p.linkTo("/login?consent=1"))
		default:
			b.w.t.Fatalf("stays at %s with status %d\n%s", p.URL, p.Status, excerpt(p.Body))
		}
	}
	b.w.t.Fatal("goes round")
	return nil
}

// agrees says yes to what a page asks.
func (b *browser) agrees(p *page) *page {
	b.w.t.Helper()
	return b.post("/oidc/consent", url.Values{"query": {p.hidden("query")}, "asked": {p.hidden("asked")}, "answer": {"yes"}})
}

// ours says whether an address is the service's or the simulator's.
func (b *browser) ours(u *url.URL) bool {
	return strings.HasPrefix(u.String(), b.w.url) || strings.HasPrefix(u.String(), b.w.simURL) || strings.HasPrefix(u.String(), b.w.public)
}

// redeem spends the code, as the application does.
func (a *app) redeem(told url.Values) (*oauth2.Token, error) {
	return a.oauth.Exchange(a.ctx, told.Get("code"), oauth2.VerifierOption(a.verifier))
}

// login walks the whole way and returns the tokens and what the ID token says.
func (a *app) login(b *browser, options ...oauth2.AuthCodeOption) (*oauth2.Token, map[string]any) {
	a.w.t.Helper()
	told := b.comesBack(b.get(a.begins(options...)))
	if told.Get("error") != "" || told.Get("state") != "the state" || told.Get("iss") != a.w.public {
		a.w.t.Fatalf("the application is told %v", told)
	}
	token, err := a.redeem(told)
	check(a.w.t, err)
	return token, a.claims(token)
}

// claims are what a checked ID token says.
func (a *app) claims(token *oauth2.Token) map[string]any {
	a.w.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	verifier := a.provider.Verifier(&oidc.Config{ClientID: a.client.ID, Now: a.w.clock.now, SupportedSigningAlgs: []string{"RS256", "ES256"}})
	idToken, err := verifier.Verify(a.ctx, raw)
	check(a.w.t, err)
	check(a.w.t, idToken.VerifyAccessToken(token.AccessToken))
	var claims map[string]any
	check(a.w.t, idToken.Claims(&claims))
	return claims
}

// userinfo asks who it is; the error is the application's library's.
func (a *app) userinfo(token *oauth2.Token) (map[string]any, error) {
	info, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, info.Claims(&claims)
}

func (a *app) wantIn(token *oauth2.Token) {
	a.w.t.Helper()
	if _, err := a.userinfo(token); err != nil {
		a.w.t.Errorf("userinfo: %v", err)
	}
}

func (a *app) wantOut(token *oauth2.Token) {
	a.w.t.Helper()
	if claims, err := a.userinfo(token); err == nil || !strings.HasPrefix(err.Error(), "401 ") {
		a.w.t.Errorf("userinfo: %v, %v, want 401", claims, err)
	}
}

// call posts a form as an application, without redirects.
func (w *world) call(t testing.TB, path string, form url.Values, header ...string) *page {
	t.Helper()
	b := w.browser("an application")
	req := b.request(http.MethodPost, path, form)
	req.Header.Del("Origin")
	req.Header.Set("Accept", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	p, err := b.fetch(req)
	check(t, err)
	return p
}

// hidden is the value of a hidden field of a form.
func (p *page) hidden(name string) string { return p.between(`name="`+name+`" value="`, `"`) }

// refresh is where a page leads by itself.
func (p *page) refresh() string { return p.between(`content="0; url=`, `"`) }

// linkTo is the address of the first link that begins so.
func (p *page) linkTo(beginning string) string {
	at := strings.Index(p.Body, beginning)
	if at < 0 {
		p.t.Fatalf("no link to %s\n%s", beginning, excerpt(p.Body))
	}
	begin := strings.LastIndex(p.Body[:at], `"`)
	end := strings.Index(p.Body[at:], `"`)
	u, err := p.URL.Parse(htmltext.UnescapeString(p.Body[begin+1 : at+end]))
	check(p.t, err)
	return u.String()
}

func (p *page) between(before, after string) string {
	_, rest, ok := strings.Cut(p.Body, before)
	value, _, _ := strings.Cut(rest, after)
	if !ok {
		p.t.Fatalf("no %q on the page\n%s", before, excerpt(p.Body))
	}
	return htmltext.UnescapeString(value)
}

// dump is all that is in the database, as text.
func (w *world) dump() string {
	w.t.Helper()
	var all strings.Builder
	db := w.raw()
	tables, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table'`)
	check(w.t, err)
	var names []string
	for tables.Next() {
		var name string
		check(w.t, tables.Scan(&name))
		names = append(names, name)
	}
	check(w.t, tables.Close())
	for _, name := range names {
		rows, err := db.Query("SELECT * FROM " + name)
		check(w.t, err)
		columns, err := rows.Columns()
		check(w.t, err)
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			check(w.t, rows.Scan(values...))
			for _, value := range values {
				fmt.Fprintln(&all, *value.(*any))
			}
		}
		check(w.t, rows.Close())
	}
	return all.String()
}
