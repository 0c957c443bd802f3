package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/pgtest"
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
	link := must(url.Parse(strings.TrimSpace(p.says("admin", "link"))))
	if got := p.admin.ask(http.MethodPost, publicURL+"/admin/link", url.Values{"token": {link.Query().Get("token")}}); got.status != http.StatusSeeOther {
		t.Fatalf("no admin: %d %s", got.status, got.body)
	}
	return p
}

// says runs a command on the same database.
func (p *grantPair) says(args ...string) string {
	p.t.Helper()
	command := runs(p.t, p.variables, args...)
	command.wantExit(0)
	return command.stdout.text()
}

func (p *grantPair) application(name string, flags ...string) (a application) {
	p.t.Helper()
	said := p.says(append([]string{"client", "add", name, "--json", "--trusted", "--redirect-uri", grantRedirect}, flags...)...)
	if err := json.Unmarshal([]byte(said), &a); err != nil {
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

// told is an answer to a call.
type told struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Sub     string `json:"sub"`
	Error   string `json:"error"`
	status  int
}

// call sends a form to the one process or the other.
func (p *grantPair) call(at int, path string, a application, form url.Values) (got told) {
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

func (p *grantPair) redeem(at int, a application, code string) told {
	return p.call(at, "/oidc/token", a, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {grantRedirect}, "code_verifier": {grantVerifier}})
}

func (p *grantPair) refresh(at int, a application, token string) told {
	return p.call(at, "/oidc/token", a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (p *grantPair) userinfo(at int, access string) told {
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
func (p *grantPair) spread(n int, ask func(at, i int) told) (good []told, counts map[string]int) {
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

// One grant is one at two processes, on whichever database: a code gives tokens once, a
// token that has ended at one has ended at the other with its next request, and nobody's
// end loses a race against a redemption.
func TestGrantsOfTwoProcesses(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		newGrantPair(t, "sqlite:"+filepath.Join(t.TempDir(), "wxlogin.db")).walk()
	})
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.New(t)
		p := newGrantPair(t, server.TCP(server.Database(t)))
		p.walk()
		p.survives(server)
	})
}

func (p *grantPair) walk() {
	t := p.t
	wiki, script := p.application("Wiki"), p.application("Page", "--public")
	lin := p.signedIn()

	for range 3 {
		code := p.code(lin[0], wiki)
		good, counts := p.spread(20, func(at, _ int) told { return p.redeem(at, wiki, code) })
		if len(good) != 1 || counts["400 invalid_grant"] != 19 {
			t.Fatalf("20 redemptions of one code: %v", counts)
		}
		p.wantOut("a code that was used again", good[0].Access)
		if got := p.refresh(1, wiki, good[0].Refresh); got.Error != "invalid_grant" {
			t.Errorf("a code that was used again: its refresh token gives %d", got.status)
		}
	}

	for range 3 {
		first := p.redeem(0, script, p.code(lin[1], script))
		p.wantIn(first.Access)
		good, counts := p.spread(20, func(at, _ int) told { return p.refresh(at, script, first.Refresh) })
		if len(good) != 20 {
			t.Fatalf("20 who have the same refresh token at the same moment: %v", counts)
		}
		for _, got := range good {
			if got.Refresh != good[0].Refresh || got.Refresh == first.Refresh {
				t.Fatal("there is more than one refresh token that comes next")
			}
		}
		second := p.refresh(1, script, good[0].Refresh)
		p.wantIn(second.Access)
		// The one before the last is nobody's who should have it, whatever goes on.
		_, counts = p.spread(20, func(at, i int) told {
			if i < 10 {
				return p.refresh(at, script, first.Refresh)
			}
			return p.refresh(at, script, second.Refresh)
		})
		if counts["400 invalid_grant"] < 10 || counts["200 "]+counts["400 invalid_grant"] != 20 {
			t.Errorf("an old refresh token beside the last: %v", counts)
		}
		p.wantOut("an old refresh token was used again", second.Access)
		for at := range p.addresses {
			if got := p.refresh(at, script, second.Refresh); got.Error != "invalid_grant" {
				t.Errorf("an old refresh token was used again: the last gives %d", got.status)
			}
		}
	}

	for i := range 10 {
		got := p.redeem(i%2, wiki, p.code(lin[i%2], wiki))
		p.wantIn(got.Access)
		token := []string{got.Access, got.Refresh}[i/2%2]
		if ended := p.call(0, "/oidc/revoke", wiki, url.Values{"token": {token}}); ended.status != http.StatusOK {
			t.Fatalf("revoke answers %d %s", ended.status, ended.Error)
		}
		p.wantOut("revoked", got.Access)
	}

	for round := range 3 {
		for _, end := range []struct {
			name string
			act  func(holder phone, id string) page
			gone bool // refresh tokens end too
		}{
			{"blocked", func(_ phone, id string) page {
				return p.admin.ask(http.MethodPost, publicURL+"/api/admin/users/"+id+"/block", url.Values{})
			}, true},
			{"left everywhere", func(holder phone, _ string) page {
				return holder.ask(http.MethodPost, publicURL+"/logout", url.Values{"scope": {"all"}})
			}, true},
			{"left", func(holder phone, _ string) page {
				return holder.ask(http.MethodPost, publicURL+"/logout", url.Values{})
			}, false},
			{"erased", func(_ phone, id string) page {
				return p.admin.ask(http.MethodDelete, publicURL+"/api/admin/users/"+id, url.Values{})
			}, true},
		} {
			holder := p.signedIn()
			before := p.redeem(1, wiki, p.code(holder[0], wiki))
			id := p.wantIn(before.Access)
			code := p.code(holder[round%2], wiki)
			var ended, redeemed sync.WaitGroup
			var got told
			redeemed.Go(func() { got = p.redeem(1, wiki, code) })
			ended.Go(func() {
				if answer := end.act(holder[0], id); answer.status >= 400 {
					t.Errorf("%s: %d %s", end.name, answer.status, answer.body)
				}
			})
			ended.Wait()
			redeemed.Wait()
			p.wantOut(end.name+": the token from before", before.Access)
			switch {
			case got.status == http.StatusOK:
				p.wantOut(end.name+": the token of that moment", got.Access)
			case got.Error != "invalid_grant":
				t.Errorf("%s: redeeming answers %d %s", end.name, got.status, got.Error)
			}
			for _, token := range []string{before.Refresh, got.Refresh} {
				if token == "" {
					continue
				}
				if again := p.refresh(1, wiki, token); (again.status == http.StatusOK) == end.gone {
					t.Errorf("%s: the refresh token gives %d %s", end.name, again.status, again.Error)
				}
			}
			if end.name == "blocked" {
				p.admin.ask(http.MethodPost, publicURL+"/api/admin/users/"+id+"/unblock", url.Values{})
			}
		}
	}
}

// survives has the database end and come back while a code is on its way: it is good
// once, for as long as it would have been, and nobody is told that they are unknown.
func (p *grantPair) survives(server *pgtest.Server) {
	t := p.t
	wiki := p.application("Board")
	lin := p.signedIn()
	before := p.redeem(0, wiki, p.code(lin[0], wiki))
	p.wantIn(before.Access)
	code := p.code(lin[1], wiki)
	server.Stop()
	for at := range p.addresses {
		for name, got := range map[string]told{
			"token":    p.redeem(at, wiki, code),
			"refresh":  p.refresh(at, wiki, before.Refresh),
			"revoke":   p.call(at, "/oidc/revoke", wiki, url.Values{"token": {before.Refresh}}),
			"userinfo": p.userinfo(at, before.Access),
		} {
			if got.status != http.StatusServiceUnavailable || got.Error != "temporarily_unavailable" {
				t.Errorf("without a database, process %d: %s answers %d %s", at, name, got.status, got.Error)
			}
		}
		if got := lin[at].ask(http.MethodGet, authorizeAddress(wiki), nil); got.status != http.StatusServiceUnavailable || got.location != "" {
			t.Errorf("without a database, process %d: authorize answers %d %s", at, got.status, got.location)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	good, counts := p.spread(2, func(at, _ int) told { return p.redeem(at, wiki, code) })
	if len(good) != 1 {
		t.Errorf("after it: %v", counts)
	}
	p.wantIn(before.Access)
	if got := p.refresh(1, wiki, before.Refresh); got.status != http.StatusOK {
		t.Errorf("after it: the refresh token gives %d %s", got.status, got.Error)
	}
	p.wantIn(p.redeem(1, wiki, p.code(lin[0], wiki)).Access)
}
