package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

// visitor is a phone whose holder comes and goes, and sometimes changes.
type visitor struct {
	*browser
	weChat  *rig.Conn
	person  rig.Person
	known   bool // has signed in with the profile
	leaving bool // has pressed the button to sign out, and got no answer
	blocked bool // by our admin, and not unblocked yet
}

func (s *soak) newVisitor(i int) *visitor {
	return &visitor{browser: s.newBrowser(uint64(i), rig.IPhone), weChat: rig.NewConn(s.world.WeChat.Address)}
}

// live plays the phone until ctx ends.
func (v *visitor) live(ctx context.Context) {
	defer v.weChat.Close()
	defer v.close()
	if !v.isSold() {
		return
	}
	for pause(ctx, between(v.rand, 2*time.Millisecond, 25*time.Millisecond)) {
		switch {
		case v.blocked:
			v.letIn(ctx)
		case v.leaving:
			v.leaves(ctx)
		case v.token() == "":
			v.signsIn(ctx)
		default:
			v.does(ctx)
		}
	}
}

// does plays one action of a person who is signed in.
func (v *visitor) does(ctx context.Context) {
	switch n := v.rand.IntN(100); {
	case n < 45:
		v.opens("/")
	case n < 65:
		v.opens("/verify")
	case n < 75:
		v.opens("/api/me")
	case n < 82:
		v.leaves(ctx)
	case n < 88: // the phone has lost its cookies; the session goes on
		v.jar = rig.Jar{}
	case n < 92: // sign in again while signed in
		v.signsIn(ctx)
	case n < 96:
		v.scans(ctx)
	case n < 97 && v.withAdmin():
		v.isBlocked(ctx)
	default:
		v.isSold()
	}
}

func (v *visitor) token() string { return v.jar.Get(rig.SessionCookie) }

// isSold gives the phone to a new person.
func (v *visitor) isSold() bool {
	p, ok, err := v.newPerson(v.weChat)
	if err != nil {
		v.ledger.breaks("the simulator does not take a person: %v", err)
	}
	if !ok || err != nil {
		return v.person.Key != ""
	}
	v.person, v.known, v.jar = p, false, rig.Jar{}
	return true
}

// opens opens a page that shows the person, and checks that it shows nobody else.
func (v *visitor) opens(path string) {
	token := v.token()
	c := v.ask(http.MethodGet, path, nil)
	if c == nil || c.Status >= 500 {
		return
	}
	if c.Status == http.StatusOK {
		v.wantMine(c, path)
		return
	}
	if v.ledger.state(token) == alive {
		v.ledger.breaks("%s answers %d to a session that was handed out and never ended", path, c.Status)
	}
	v.jar = rig.Jar{}
}

// wantMine checks that an answer is about this person.
func (v *visitor) wantMine(c *rig.Conn, path string) {
	mine := false
	switch path {
	case "/verify":
		openIDs := c.Header("X-Wechat-Openid")
		mine = len(openIDs) == 1 && openIDs[0] == v.person.OpenID
	case "/api/me":
		var me struct{ OpenID, Nickname string }
		mine = json.Unmarshal(c.Body, &me) == nil && me.OpenID == v.person.OpenID && (me.Nickname == "" || me.Nickname == v.person.Nickname)
	default:
		mine = bytes.Contains(c.Body, []byte(v.person.OpenID))
	}
	if !mine {
		v.ledger.breaks("%s shows somebody else to %s: %.600s", path, v.person.OpenID, c.Body)
	}
	v.ledger.count("pages that show the person")
}

// leaves presses the button to sign out. Until an answer confirms it, the session may be
// alive or not.
func (v *visitor) leaves(ctx context.Context) {
	token := v.token()
	if token == "" {
		v.leaving = false
		return
	}
	v.ledger.moves(token, maybe)
	v.leaving = true
	closeTabs := v.opensTabs(token)
	c := v.again(ctx, http.MethodPost, "/logout", []byte{})
	closeTabs()
	if c == nil || c.Status != http.StatusSeeOther {
		return
	}
	v.leaving = false
	v.ledger.moves(token, ended)
	v.ledger.count("logouts answered")
	if v.token() != "" {
		v.ledger.breaks("after the logout the browser keeps its cookie")
	}
	v.dead(token, "has been signed out")
	v.jar.Set(rig.SessionCookie, "")
}

// opensTabs has other tabs of the browser send requests to every process without a break, so
// that the end of the session coincides with a read. Any answer meanwhile is right, if it is
// about this person.
func (v *visitor) opensTabs(token string) (closeTabs func()) {
	var tabs sync.WaitGroup
	closing, stop := context.WithCancel(context.Background())
	for _, seat := range v.fleet.seats {
		tab := &visitor{browser: v.newBrowser(v.rand.Uint64(), v.agent), person: v.person}
		tab.jar.Set(rig.SessionCookie, token)
		tabs.Go(func() {
			defer tab.close()
			for closing.Err() == nil {
				c := tab.askSeat(seat, http.MethodGet, "/api/me", nil)
				if c != nil && c.Status == http.StatusOK {
					tab.wantMine(c, "/api/me")
				}
				if c == nil || c.Status != http.StatusOK {
					pause(closing, 10*time.Millisecond)
				}
			}
		})
	}
	return func() {
		stop()
		tabs.Wait()
	}
}

// isBlocked has an admin block this person, which ends all of their sessions at once.
func (v *visitor) isBlocked(ctx context.Context) {
	token := v.token()
	id := v.userID()
	if id == "" {
		return
	}
	v.ledger.movesAll(v.person.OpenID, maybe)
	v.blocked = true
	if !v.act(ctx, id, "block") {
		return
	}
	v.ledger.movesAll(v.person.OpenID, ended)
	v.ledger.count("people blocked")
	v.dead(token, "belongs to somebody who is blocked")
	v.jar = rig.Jar{}
	sessions := len(v.ledger.all())
	v.signsIn(ctx)
	if v.token() != "" {
		v.ledger.breaks("somebody who is blocked was signed in (%d sessions so far)", sessions)
	}
	v.letIn(ctx)
}

func (v *visitor) userID() string {
	c := v.ask(http.MethodGet, "/api/me", nil)
	if c == nil || c.Status != http.StatusOK {
		return ""
	}
	var me struct{ ID string }
	if json.Unmarshal(c.Body, &me) != nil {
		return ""
	}
	return me.ID
}

// act has an admin act on this person.
func (v *visitor) act(ctx context.Context, id, what string) bool {
	mine := v.jar
	defer func() { v.jar = mine }()
	v.jar = rig.Jar{}
	v.jar.Set(rig.AdminCookie, v.admin)
	c := v.again(ctx, http.MethodPost, "/api/admin/users/"+url.PathEscape(id)+"/"+what, []byte{})
	return c != nil && c.Status == http.StatusOK
}

// letIn has an admin end the block. Only the list of people has the person's id.
func (v *visitor) letIn(ctx context.Context) {
	mine := v.jar
	v.jar = rig.Jar{}
	v.jar.Set(rig.AdminCookie, v.admin)
	c := v.again(ctx, http.MethodGet, "/api/admin/users?q="+url.QueryEscape(v.person.OpenID), nil)
	v.jar = mine
	if c == nil || c.Status != http.StatusOK {
		return
	}
	var list struct{ Users []struct{ ID string } }
	if err := json.Unmarshal(c.Body, &list); err != nil || len(list.Users) != 1 {
		v.ledger.breaks("the list finds %d people by the openid of one", len(list.Users))
		return
	}
	if v.act(ctx, list.Users[0].ID, "unblock") {
		v.blocked = false
		v.jar = rig.Jar{}
	}
}
