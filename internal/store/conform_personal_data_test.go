package store_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// personalData is all that is stored on a person.
type personalData struct {
	User      auth.User
	Sessions  []auth.Session
	Logins    []auth.Login
	Events    []admin.Event
	Further   []admin.Identity
	Joined    []admin.JoinedPerson
	Access    []admin.Access
	Following []auth.Following
	Token     *admin.TokenInfo
	Picture   auth.Picture
	ended     bool
}

// into is a visitor that fills it.
func (d *personalData) into() admin.PersonalDataVisitor {
	return admin.PersonalDataVisitor{
		Person:  func(u auth.User) error { d.User = u; return nil },
		Session: func(x auth.Session) error { d.Sessions = append(d.Sessions, x); return nil },
		Login:   func(x auth.Login) error { d.Logins = append(d.Logins, x); return nil },
		Event:   func(x admin.Event) error { d.Events = append(d.Events, x); return nil },
		Identities: func(further []admin.Identity, joined []admin.JoinedPerson) error {
			if len(further)+len(joined) > 0 {
				d.Further, d.Joined = further, joined
			}
			return nil
		},
		Following: func(all []auth.Following) error { d.Following = all; return nil },
		Access:    func(all []admin.Access) error { d.Access = all; return nil },
		Rest: func(token *admin.TokenInfo, picture auth.Picture) error {
			d.Token, d.Picture, d.ended = token, picture, true
			return nil
		},
	}
}

func (w *world) personalData(userID string) (d personalData, err error) {
	err = w.EachOfPersonalData(w.ctx, userID, d.into())
	return d, err
}

// history gives a person logins and events past the store, three at each moment,
// up to now. Of the events a third each is by them, about them, and about their
// openid.
func (w *world) history(user auth.User, n int) {
	w.t.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, n)
	at := w.clock.ago(time.Duration(n) * time.Second).UnixMilli()
	w.exec(fmt.Sprintf(`%s INSERT INTO logins (id, appid, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent)
		SELECT 'login' || i, 'wx', 'secret', 'snsapi_base', 'signed_in', '', $1, %d + i / 3 * 3000, 0, '', 'agent' || i FROM n`, numbers, at), user.ID)
	w.exec(fmt.Sprintf(`%s INSERT INTO events (id, at, actor, action, subject, detail)
		SELECT 'event' || i, %d + i / 3 * 3000, CASE i %% 3 WHEN 0 THEN $1 ELSE 'command-line' END, 'block',
			CASE i %% 3 WHEN 0 THEN '' WHEN 1 THEN $1 ELSE $2 END, '' FROM n`, numbers, at), user.ID, user.OpenID)
}

var personalDataPromises = map[string]func(*world){
	"long personal data has everything once, newest first, and nothing that came since": func(w *world) {
		user, _ := w.visitor("o1")
		other, _ := w.visitor("o2")
		w.hoard(user.ID, 450)
		w.history(user, 1001)
		w.exec(`INSERT INTO events (id, at, actor, action, subject, detail) VALUES ('x', 0, $1, 'block', '', '')`, other.ID)
		w.clock.pass(time.Hour)
		var d personalData
		visit := d.into()
		keep := visit.Login
		visit.Login = func(x auth.Login) error {
			if len(d.Logins) == 0 {
				w.visitor("o1") // meanwhile
				if err := w.AddEvent(w.ctx, w.event(admin.ActBlock, user.ID)); err != nil {
					w.t.Fatal(err)
				}
			}
			return keep(x)
		}
		if err := w.EachOfPersonalData(w.ctx, user.ID, visit); err != nil || !d.ended {
			w.t.Fatal(err)
		}
		if len(d.Sessions) != 451 || len(d.Logins) != 1002 || len(d.Events) != 1001 {
			w.t.Errorf("%d sessions, %d logins, %d events", len(d.Sessions), len(d.Logins), len(d.Events))
		}
		ids := map[string]bool{}
		for i, x := range d.Logins {
			ids[x.ID] = true
			if x.SessionHash != "" || i > 0 && x.StartedAt.After(d.Logins[i-1].StartedAt) {
				w.t.Fatalf("login %d: %+v", i, x)
			}
		}
		for i, x := range d.Events {
			ids[x.ID] = true
			if i > 0 && x.At.After(d.Events[i-1].At) {
				w.t.Fatalf("event %d: %+v", i, x)
			}
		}
		for _, x := range d.Sessions {
			ids["s"+x.ID] = true
		}
		if len(ids) != 451+1002+1001 || slices.ContainsFunc(d.Sessions, func(x auth.Session) bool { return x.TokenHash != "" }) {
			w.t.Errorf("%d different ones", len(ids))
		}
	},
	"personal data of somebody with hundreds of identities has every entry of the audit log once, newest first": func(w *world) {
		user, _ := w.visitor("o1")
		w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
			INSERT INTO identities (id, user_id, appid, openid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
			SELECT 'was' || i, $1, 'wx', 'further' || i, 'snsapi_base', 1, 1, 0, 'join', 1 FROM n`, user.ID)
		at := w.clock.ago(time.Hour).UnixMilli()
		w.exec(fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
			INSERT INTO events (id, at, actor, action, subject, detail)
			SELECT 'event' || i, %d + i / 3 * 3000, CASE i %% 3 WHEN 0 THEN 'was' || i ELSE 'command-line' END, 'block',
				CASE i %% 3 WHEN 0 THEN 'further' || (301 - i) WHEN 1 THEN 'was' || i ELSE 'further' || i END, '' FROM n`, at))
		d, err := w.personalData(user.ID)
		if err != nil || !d.ended || len(d.Further) != 300 {
			w.t.Fatalf("%v, %d further identities", err, len(d.Further))
		}
		ids := map[string]bool{}
		for i, x := range d.Events {
			ids[x.ID] = true
			if i > 0 && x.At.After(d.Events[i-1].At) {
				w.t.Fatalf("event %d: %+v", i, x)
			}
		}
		if len(d.Events) != 300 || len(ids) != 300 {
			w.t.Errorf("%d events, %d different ones", len(d.Events), len(ids))
		}
	},
	"personal data of somebody who is erased meanwhile does not look whole": func(w *world) {
		user, _ := w.visitor("o1")
		w.history(user, 300)
		var d personalData
		visit := d.into()
		visit.Session = func(auth.Session) error { return w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)) }
		wantReason(w.t, w.EachOfPersonalData(w.ctx, user.ID, visit), auth.NoSuchUser)
		if d.ended {
			w.t.Error("it has an end")
		}
	},
	"personal data ends with its visitor's first error": func(w *world) {
		user, _ := w.visitor("o1")
		w.history(user, 300)
		var d personalData
		visit, full := d.into(), errors.New("full")
		visit.Event = func(admin.Event) error { return full }
		if err := w.EachOfPersonalData(w.ctx, user.ID, visit); !errors.Is(err, full) || d.ended {
			w.t.Error(err)
		}
	},
}
