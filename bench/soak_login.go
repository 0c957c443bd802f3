package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

// signsIn follows redirects as a browser does, until the person is signed in or a page says
// that the login failed.
func (v *visitor) signsIn(ctx context.Context) {
	path := loginPath(!v.known)
	consent := !v.known
	for range 12 {
		var c *rig.Conn
		if strings.HasPrefix(path, "/callback") {
			c = v.returns(ctx, path)
		} else {
			c = v.again(ctx, http.MethodGet, path, nil)
		}
		if c == nil {
			return
		}
		to := strings.TrimPrefix(rig.Location(c), "http://"+rig.Host)
		switch {
		case c.Status >= 400:
			v.ledger.count("logins that ended with a page")
			return
		case strings.HasPrefix(to, "http://"+v.world.WeChat.Address):
			if path = v.authorize(ctx, to); path == "" {
				return
			}
		case strings.HasPrefix(to, "/consent"):
			path, consent = loginPath(true), true
		case c.Status == http.StatusSeeOther && to == "/":
			if v.token() != "" {
				v.known = v.known || consent
				if v.rand.IntN(8) == 0 && strings.HasPrefix(path, "/callback") {
					v.ledger.count("callbacks opened once more")
					v.returns(ctx, path)
				}
			}
			return
		default:
			v.ledger.count("logins that led elsewhere")
			return
		}
	}
	v.ledger.breaks("a login goes round and round")
}

func loginPath(consent bool) string {
	if consent {
		return "/login?consent=1&return_to=%2F"
	}
	return "/login?return_to=%2F"
}

// returns opens a callback, and records the session in its answer, which may replace the
// browser's previous one.
func (v *visitor) returns(ctx context.Context, path string) *rig.Conn {
	before := v.token()
	wasAlive := v.ledger.state(before) == alive
	v.ledger.moves(before, maybe)
	c := v.again(ctx, http.MethodGet, path, nil)
	if c != nil {
		v.handed(before, wasAlive, v.token())
	}
	return c
}

func (v *visitor) handed(before string, wasAlive bool, now string) {
	switch {
	case now == before && wasAlive:
		v.ledger.moves(before, alive)
	case now != "" && now != before:
		v.ledger.hands(now, v.person.OpenID)
	}
}

// authorize opens WeChat's page and returns the callback to which it redirects. WeChat may
// call back twice; then both callbacks come at the same moment, each to either process.
func (v *visitor) authorize(ctx context.Context, location string) string {
	target := strings.TrimPrefix(location, "http://"+v.world.WeChat.Address)
	target, _, _ = strings.Cut(target, "#")
	cookies := "wechatsim_person=" + v.person.Key + "; wechatsim_consent=allow"
	if err := v.weChat.Do(rig.NewRequest(http.MethodGet, target, cookies, nil), time.Now().Add(patience)); err != nil {
		v.ledger.breaks("the simulator does not answer: %v", err)
		return ""
	}
	site := "http://" + rig.Host
	if twice := v.weChat.Header("X-Wechatsim-Callback"); len(twice) == 2 {
		first := strings.TrimPrefix(twice[0], site)
		v.returnsTwice(ctx, first, strings.TrimPrefix(twice[1], site))
		return first // the caller opens it a third time and follows its answer
	}
	back, ok := strings.CutPrefix(rig.Location(v.weChat), site)
	if !ok {
		v.ledger.count("logins that WeChat did not let on")
		return ""
	}
	return back
}

func (v *visitor) returnsTwice(ctx context.Context, paths ...string) {
	v.ledger.count("callbacks twice at once")
	before := v.token()
	wasAlive := v.ledger.state(before) == alive
	v.ledger.moves(before, maybe)
	twins := make([]*browser, len(paths))
	var both sync.WaitGroup
	for i, path := range paths {
		twins[i] = v.newBrowser(v.rand.Uint64(), v.agent)
		for name, value := range v.jar.All() {
			twins[i].jar.Set(name, value)
		}
		both.Go(func() {
			defer twins[i].close()
			twins[i].again(ctx, http.MethodGet, path, nil)
		})
	}
	both.Wait()
	for _, twin := range twins {
		now := twin.jar.Get(rig.SessionCookie)
		v.handed(before, wasAlive, now)
		if now != "" {
			v.jar.Set(rig.SessionCookie, now)
		}
	}
}
