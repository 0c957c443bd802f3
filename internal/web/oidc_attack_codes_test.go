package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wxlogin/internal/auth"
)

// An attacker who begins a login and has somebody else finish it gets nothing: the way
// back from WeChat is bound to the browser that began, and so is the code.
func TestCodeFixation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	victim, attacker := w.phone("lin"), w.phone("wang")
	victim.signsIn()
	fromWeChat := attacker.stops(app.begins(), "/callback?")
	victim.get(fromWeChat) // the victim opens the attacker's way back
	victim.wantMe("lin")
	// Nor has the attacker who gets the victim to go to WeChat anything to collect.
	victim.opens(attacker.stops(app.oauth.AuthCodeURL("s"), w.simURL))
	attacker.wantNobody()
	victim.wantMe("lin")
	if n := w.rows("grants"); n != 0 {
		t.Errorf("%d codes", n)
	}
	// What the attacker's browser brings back is the attacker's own.
	told := attacker.comesBack(attacker.get(fromWeChat))
	token, err := app.redeem(told)
	check(t, err)
	if app.claims(token)["sub"] == victim.me()["id"] {
		t.Fatal("the attacker is the victim")
	}
}

// Twenty redemptions of one code at once: one gives tokens, and what it gave ends.
func TestParallelRedemptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	replica := w.replica(options{})
	app := w.app("Wiki", nil)
	form := app.tokenForm(app.told(w.phone("lin")).Get("code"))
	var got, refused atomic.Int64
	var access atomic.Value
	var wg sync.WaitGroup
	for i := range 20 {
		at := []*world{w, replica}[i%2]
		wg.Go(func() {
			p := at.call(t, "/oidc/token", form)
			switch {
			case p.Status == http.StatusOK:
				got.Add(1)
				var token struct {
					Access string `json:"access_token"`
				}
				_ = json.Unmarshal([]byte(p.Body), &token)
				access.Store(token.Access)
			case p.Status == http.StatusBadRequest && p.oauthError() == "invalid_grant":
				refused.Add(1)
			default:
				t.Errorf("status %d %s", p.Status, p.Body)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 || refused.Load() != 19 {
		t.Fatalf("%d got tokens, %d were refused", got.Load(), refused.Load())
	}
	app.wantOut(&oauth2.Token{AccessToken: access.Load().(string), TokenType: "Bearer"})
}

// A code is good once, for its client, its address and its verifier, on whatever
// replica.
func TestCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	replica := w.replica(options{})
	app, other := w.app("Wiki", nil), w.app("Board", nil)
	phone := w.phone("lin")
	for name, change := range map[string]func(url.Values){
		"of another client":    func(f url.Values) { f.Set("client_id", other.client.ID); f.Set("client_secret", string(other.secret)) },
		"another redirect_uri": func(f url.Values) { f.Set("redirect_uri", appURI+"/") },
		"no redirect_uri":      func(f url.Values) { f.Del("redirect_uri") },
		"wrong verifier":       func(f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) },
		"missing verifier":     func(f url.Values) { f.Del("code_verifier") },
	} {
		t.Run(name, func(t *testing.T) {
			form := app.tokenForm(app.told(phone).Get("code"))
			wrong := url.Values{}
			for key := range form {
				wrong.Set(key, form.Get(key))
			}
			change(wrong)
			app.wantRefused(wrong, "invalid_grant")
			// It stays good for the right one, and the replica sees the same.
			if p := replica.call(t, "/oidc/token", form); p.Status != http.StatusOK {
				t.Errorf("status %d %s", p.Status, p.Body)
			}
		})
	}
	t.Run("unasked verifier", func(t *testing.T) {
		address := app.oauth.AuthCodeURL("s") // nor with a nonce
		form := app.tokenForm(phone.comesBack(phone.get(address)).Get("code"))
		app.wantRefused(form, "invalid_grant")
		form.Del("code_verifier")
		claims := app.claims(tokenOf(t, w.call(t, "/oidc/token", form)))
		if nonce, there := claims["nonce"]; there {
			t.Errorf("nonce is %v", nonce)
		}
	})
	app.oauth.Scopes = append(app.oauth.Scopes, auth.ScopeOffline)
	for name, pause := range map[string]time.Duration{"again at once": 0, "again after 30 seconds": 30 * time.Second, "again after an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			told := app.told(phone)
			token, err := app.redeem(told)
			check(t, err)
			app.wantIn(token)
			w.clock.pass(pause)
			app.wantRefused(app.tokenForm(told.Get("code")), "invalid_grant")
			app.wantOut(token)
			app.wantRefused(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {app.client.ID}, "client_secret": {string(app.secret)}}, "invalid_grant")
		})
	}
	t.Run("after a minute", func(t *testing.T) {
		told := app.told(phone)
		w.clock.pass(auth.CodeLifetime)
		app.wantRefused(app.tokenForm(told.Get("code")), "invalid_grant")
	})
	t.Run("sixth of a session", func(t *testing.T) {
		first := app.tokenForm(app.told(phone).Get("code"))
		for range auth.MaxCodes {
			app.told(phone)
		}
		app.wantRefused(first, "invalid_grant")
	})
}

// Codes go to registered addresses, letter by letter; to no other is anybody sent, not
// even with an error.
func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	wiki := w.app("Wiki", func(c *auth.Client) { c.RedirectURIs = []string{appURI, appURI + "?x=1"} })
	native := w.app("Tool", func(c *auth.Client) {
		c.RedirectURIs, c.Native, c.SecretHash = []string{"http://127.0.0.1/cb", "com.example.tool:/cb"}, true, publicClient
	})
	phone := w.phone("lin")
	phone.signsIn()
	ask := func(a *app, uri string) *page {
		u, err := url.Parse(a.begins())
		check(t, err)
		q := u.Query()
		q.Set("redirect_uri", uri)
		u.RawQuery = q.Encode()
		return phone.get(u.String())
	}
	for _, evil := range []string{
		"https://APP.example.com/callback", "https://app.example.com/Callback", "https://app.example.com/callback/", "https://app.example.com/x/../callback",
		"https://app.example.com/%2e%2e/callback", "https://app.example.com%2fcallback", "https://app.example.com/callback?x=2", "https://app.example.com/callback?",
		"https://u@app.example.com/callback", "https://app.example.com:443/callback", "https://app.example.com/callback#", "https://app.example.com/callback#x",
		"https://app.example.com\\@evil.example/callback", "http://app.example.com/callback", "https://evil.example/callback", "//app.example.com/callback", "", " " + appURI,
		"https://app.example.com.evil.example/callback", "javascript:alert(1)", "https://app.example.com/callback?x=1&y",
	} {
		if p := ask(wiki, evil); p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%q: status %d to %q", evil, p.Status, p.Header.Get("Location"))
		}
	}
	for _, evil := range []string{
		"http://127.0.0.1:0/cb", "http://127.0.0.1:99/cb/", "http://127.0.0.1:99x/cb", "http://localhost:99/cb", "http://[::1]:99/cb", "https://127.0.0.1/cb",
		"http://127.0.0.1:99@evil.example/cb", "http://127.0.0.1.evil.example/cb", "com.example.tool://evil.example/cb", "http://127.0.0.1:99/cb?x",
	} {
		if p := ask(native, evil); p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%q: status %d to %q", evil, p.Status, p.Header.Get("Location"))
		}
	}
	// Whoever sets an application up stumbles here first: the page says which address it was.
	if p := ask(wiki, "https://wiki.example.com/cb\u202e"); !strings.Contains(p.Body, "https://wiki.example.com/cb ≠ Wiki") || strings.Contains(p.Body, "\u202e") {
		t.Errorf("an address that is not registered\n%s", excerpt(p.Body))
	}
	doubled := wiki.begins() + "&redirect_uri=" + url.QueryEscape("https://evil.example/")
	if p := phone.get(doubled); p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
		t.Errorf("doubled: status %d to %q", p.Status, p.Header.Get("Location"))
	}
	for _, good := range []struct {
		app *app
		uri string
	}{{wiki, appURI + "?x=1"}, {native, "http://127.0.0.1:51004/cb"}, {native, "http://127.0.0.1/cb"}, {native, "com.example.tool:/cb"}} {
		p := ask(good.app, good.uri)
		if p.Status == http.StatusOK { // asked once
			p = phone.agrees(p)
			p = phone.get(p.refresh())
		}
		if location := p.Header.Get("Location"); p.Status != http.StatusSeeOther || !strings.HasPrefix(location, good.uri) || !strings.Contains(location, "code=") {
			t.Errorf("%q: status %d to %q", good.uri, p.Status, location)
		}
	}
}

// state and nonce come back byte for byte, also through a login, and five logins begun
// in one browser all finish.
func TestLongStates(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"nobody", "signed in"} {
		w := newWorld(t, options{})
		app := w.app("Wiki", func(c *auth.Client) { c.Trusted = true })
		phone := w.phone("lin")
		phone.signsIn()
		if who == "nobody" {
			phone = w.phone("lin")
		}
		type begun struct {
			state, nonce, verifier, address string
		}
		var all []begun
		for range 5 {
			b := begun{state: long(t), nonce: long(t)}
			address := app.oauth.AuthCodeURL(b.state, oauth2.S256ChallengeOption(app.verifierFor(&b.verifier)), oidc.Nonce(b.nonce))
			if b.address = address; who == "nobody" {
				b.address = phone.stops(address, "/callback?")
			}
			all = append(all, b)
		}
		for i := len(all) - 1; i >= 0; i-- {
			b := all[i]
			told := phone.comesBack(phone.get(b.address))
			if told.Get("state") != b.state {
				t.Fatalf("%s: login %d: state %q, want %q", who, i, told.Get("state"), b.state)
			}
			app.verifier = b.verifier
			token, err := app.redeem(told)
			check(t, err)
			if got := app.claims(token)["nonce"]; got != b.nonce {
				t.Errorf("%s: nonce %q, want %q", who, got, b.nonce)
			}
			app.wantIn(token)
		}
	}
	w := newWorld(t, options{})
	app := w.app("Wiki", nil)
	told := app.told(w.phone("lin"), oauth2.SetAuthURLParam("state", strings.Repeat("x", 2000)))
	if told.Get("error") != "invalid_request" || len(told.Get("state")) != 2000 {
		t.Errorf("too long: %v", told)
	}
}

// long is a text of 440 characters that nothing makes shorter, with what encoders
// stumble over.
func long(t *testing.T) string {
	s := ":%2F%252F+ " + string(auth.NewToken())
	for len(s) < 440 {
		s += string(auth.NewToken())
	}
	return s[:440]
}

func (a *app) verifierFor(to *string) string {
	*to = oauth2.GenerateVerifier()
	return *to
}
