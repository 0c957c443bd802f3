package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// grantPair is two processes on one database, and applications that ask the one or the
// other.
type grantPair struct {
	t         *testing.T
	sim       *wechatsim.Simulator
	wechat    string
	variables []string
	addresses [2]string
	askers    [2]phone // as applications have them
	admin     phone    // signed in at the first
}

// application is what a client knows of itself.
type application struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

const (
	grantRedirect = "https://app.example.com/cb"
	// A pair of PKCE (RFC 7636, appendix B).
	grantVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	grantChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func newGrantPair(t *testing.T, database string) *grantPair {
	p := &grantPair{t: t, sim: wechatsim.New(wechatsim.Config{})}
	wechat := httptest.NewServer(p.sim)
	t.Cleanup(wechat.Close)
	p.wechat = wechat.URL
	p.variables = []string{"WXLOGIN_DATABASE_URL=" + database, "WXLOGIN_KEYS=" + auth.NewKey(), "WXLOGIN_RATE_LIMIT=0"}
	for i := range p.addresses {
		_, p.addresses[i] = startService(t, p.sim, p.wechat, "", p.variables...)
		p.askers[i] = newPhone(t, p.addresses[i], "", "")
	}
	p.variables = append(p.variables, "WXLOGIN_PUBLIC_URL="+publicURL, "WXLOGIN_APPID="+p.sim.AppID(), "WXLOGIN_APPSECRET="+p.sim.Secret())
	p.admin = newPhone(t, p.addresses[0], "", "")
	link := must(url.Parse(strings.TrimSpace(p.output("admin", "link"))))
	if got := p.admin.ask(http.MethodPost, publicURL+"/admin/link", url.Values{"token": {link.Query().Get("token")}}); got.status != http.StatusSeeOther {
		t.Fatalf("no admin: %d %s", got.status, got.body)
	}
	return p
}

// output runs a command on the same database and returns what it prints.
func (p *grantPair) output(args ...string) string {
	p.t.Helper()
	command := runs(p.t, p.variables, args...)
	command.wantExit(0)
	return command.stdout.text()
}

func (p *grantPair) application(name string, flags ...string) (a application) {
	p.t.Helper()
	printed := p.output(append([]string{"client", "add", name, "--json", "--trusted", "--redirect-uri", grantRedirect}, flags...)...)
	if err := json.Unmarshal([]byte(printed), &a); err != nil {
		p.t.Fatal(err)
	}
	return a
}

// signedIn is a phone that the first process knows, and its copy at the other.
func (p *grantPair) signedIn() (at [2]phone) {
	p.t.Helper()
	at[0] = newPhone(p.t, p.addresses[0], p.wechat, "lin")
	if got := at[0].signsIn(publicURL); got.status != http.StatusOK {
		p.t.Fatalf("%d %s", got.status, got.body)
	}
	at[1] = newPhone(p.t, p.addresses[1], "", "")
	at[1].Jar = at[0].Jar
	return at
}

func authorizeAddress(a application) string {
	return publicURL + "/oidc/authorize?" + url.Values{
		"client_id": {a.ID}, "redirect_uri": {grantRedirect}, "response_type": {"code"}, "scope": {"openid profile offline_access"},
		"code_challenge": {grantChallenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// code is one for the person of a phone.
func (p *grantPair) code(holder phone, a application) string {
	p.t.Helper()
	got := holder.ask(http.MethodGet, authorizeAddress(a), nil)
	code := ""
	if got.location != "" {
		code = must(url.Parse(got.location)).Query().Get("code")
	}
	if code == "" {
		p.t.Fatalf("no code, but %d %s\n%s", got.status, got.location, got.body)
	}
	return code
}

// tokenAnswer is the answer to a call of the token endpoint, or of userinfo.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Sub     string `json:"sub"`
	Error   string `json:"error"`
	status  int
}

// call sends a form to the one process or the other.
func (p *grantPair) call(at int, path string, a application, form url.Values) (got tokenAnswer) {
	form.Set("client_id", a.ID)
	if a.Secret != "" {
		form.Set("client_secret", a.Secret)
	}
	answer, err := p.askers[at].try(http.MethodPost, publicURL+path, form)
	if err != nil {
		p.t.Error(err)
		return got
	}
	_ = json.Unmarshal([]byte(answer.body), &got) // revocation's is empty
	got.status = answer.status
	return got
}

func (p *grantPair) redeem(at int, a application, code string) tokenAnswer {
	return p.call(at, "/oidc/token", a, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {grantRedirect}, "code_verifier": {grantVerifier}})
}

func (p *grantPair) refresh(at int, a application, token string) tokenAnswer {
	return p.call(at, "/oidc/token", a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (p *grantPair) userinfo(at int, access string) tokenAnswer {
	return p.call(at, "/oidc/userinfo", application{}, url.Values{"access_token": {access}})
}

func (p *grantPair) wantIn(access string) (sub string) {
	p.t.Helper()
	for at := range p.addresses {
		got := p.userinfo(at, access)
		if got.status != http.StatusOK || got.Sub == "" {
			p.t.Fatalf("process %d: userinfo answers %d %s", at, got.status, got.Error)
		}
		sub = got.Sub
	}
	return sub
}

func (p *grantPair) wantOut(what, access string) {
	p.t.Helper()
	for _, at := range []int{1, 0} { // the one that did not do it first
		if got := p.userinfo(at, access); got.status != http.StatusUnauthorized || got.Error != "invalid_token" {
			p.t.Errorf("%s: process %d: userinfo answers %d %s", what, at, got.status, got.Error)
		}
	}
}

// spread has n ask at once, in turn at the one process and the other, and counts the
// answers.
func (p *grantPair) spread(n int, ask func(at, i int) tokenAnswer) (good []tokenAnswer, counts map[string]int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	counts = make(map[string]int)
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			got := ask(i%2, i)
			mu.Lock()
			defer mu.Unlock()
			counts[fmt.Sprintf("%d %s", got.status, got.Error)]++
			if got.status == http.StatusOK {
				good = append(good, got)
			}
		})
	}
	close(begin)
	all.Wait()
	return good, counts
}
