package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"wxlogin/bench/rig"
)

const desktop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

var ticketInPage = regexp.MustCompile(`/scan/qr\.png\?ticket=([^"&]+)`)

// scans signs a desktop in with the phone.
func (v *visitor) scans(ctx context.Context) {
	moves := v.moves.Load()
	computer := v.newBrowser(v.rand.Uint64(), desktop)
	defer computer.close()
	c := computer.again(ctx, http.MethodGet, "/scan?return_to=%2F", nil)
	if c == nil || c.Status != http.StatusOK {
		return
	}
	found := ticketInPage.FindSubmatch(c.Body)
	if found == nil {
		v.ledger.breaks("the scan page has no code: %.300s", c.Body)
		return
	}
	ticket := string(found[1])
	token := v.token()
	for _, step := range []struct {
		method string
		form   []byte
	}{{http.MethodGet, nil}, {http.MethodPost, []byte("answer=confirm")}} {
		if c = v.again(ctx, step.method, "/scan/"+ticket, step.form); c == nil || c.Status != http.StatusOK {
			if c != nil && c.Status/100 == 3 && v.ledger.state(token) == alive {
				v.ledger.breaks("the scan sends somebody who is signed in to %s", pathOnly(rig.Location(c)))
			}
			return
		}
	}
	c = computer.again(ctx, http.MethodGet, "/scan/done?ticket="+url.QueryEscape(ticket)+"&return_to=%2F", nil)
	if c == nil || c.Status != http.StatusSeeOther {
		return
	}
	now := computer.jar.Get(rig.SessionCookie)
	if now == "" && v.moves.Load() != moves {
		v.ledger.count("codes on desktops whose time was over when the clock moved")
		return
	}
	if now == "" {
		v.ledger.breaks("a desktop whose phone has confirmed gets no session")
		return
	}
	v.ledger.hands(now, v.person.OpenID)
	v.ledger.count("desktops signed in")
	if c = computer.ask(http.MethodGet, "/", nil); c != nil && c.Status < 500 && !bytes.Contains(c.Body, []byte(v.person.OpenID)) {
		v.ledger.breaks("the desktop is not shown its person, but %d", c.Status)
	}
}

// enterAdmin lets a browser into the admin pages.
func (s *soak) enterAdmin(ctx context.Context) error {
	token, err := s.world.AdminLink(ctx, s.database)
	if err != nil {
		return err
	}
	b := s.newBrowser(1<<40, desktop)
	defer b.close()
	b.ask(http.MethodPost, "/admin/link", []byte("token="+url.QueryEscape(token)))
	s.admin = b.jar.Get(rig.AdminCookie)
	if s.admin == "" {
		s.ledger.breaks("the admin link lets nobody in")
	}
	return nil
}

// admin looks through lists all the time.
type admin struct{ *browser }

func (s *soak) newAdmin() *admin {
	a := &admin{s.newBrowser(1<<41, desktop)}
	a.jar.Set(rig.AdminCookie, s.admin)
	return a
}

func (a *admin) work(ctx context.Context) {
	defer a.close()
	paths := []string{
		"/admin", "/admin/users", "/admin/users?sort=-last_login_at", "/admin/users?filter=blocked", "/admin/users?q=%E5%B0%8F",
		"/api/admin/users?limit=20", "/api/admin/users.csv", "/admin/events",
	}
	for pause(ctx, between(a.rand, 50*time.Millisecond, 400*time.Millisecond)) {
		path := paths[a.rand.IntN(len(paths))]
		c := a.ask(http.MethodGet, path, nil)
		if c != nil && c.Status < 500 && c.Status != http.StatusOK {
			a.ledger.breaks("%s answers the admin with %d %s", pathOnly(path), c.Status, pathOnly(rig.Location(c)))
		}
		a.ledger.count("lists of people")
	}
}
