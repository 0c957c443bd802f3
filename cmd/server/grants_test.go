package main_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"wxlogin/internal/programs"
	"wxlogin/internal/store/pgtest"
)

// One grant is one at two processes, on whichever database: a code gives tokens once, a
// token that has ended at one has ended at the other with its next request, and nobody's
// end loses a race against a redemption.
func TestGrantsOfTwoProcesses(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		newGrantPair(t, "sqlite:"+filepath.Join(t.TempDir(), "wxlogin.db")).walk()
	})
	t.Run("postgres", func(t *testing.T) {
		programs.Wanted(t) // make test has the store's own tests on PostgreSQL
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
		good, counts := p.spread(20, func(at, _ int) tokenAnswer { return p.redeem(at, wiki, code) })
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
		good, counts := p.spread(20, func(at, _ int) tokenAnswer { return p.refresh(at, script, first.Refresh) })
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
		_, counts = p.spread(20, func(at, i int) tokenAnswer {
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
			var got tokenAnswer
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
		for name, got := range map[string]tokenAnswer{
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
	good, counts := p.spread(2, func(at, _ int) tokenAnswer { return p.redeem(at, wiki, code) })
	if len(good) != 1 {
		t.Errorf("after it: %v", counts)
	}
	p.wantIn(before.Access)
	if got := p.refresh(1, wiki, before.Refresh); got.status != http.StatusOK {
		t.Errorf("after it: the refresh token gives %d %s", got.status, got.Error)
	}
	p.wantIn(p.redeem(1, wiki, p.code(lin[0], wiki)).Access)
}
