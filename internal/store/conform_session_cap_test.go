package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// collects signs a person in by a scan and returns the hash of the token.
func (w *world) collects(userID string) string {
	w.t.Helper()
	ticket := auth.Hash(auth.NewToken())
	must(w.OpenScan(w.ctx, auth.Scan{
		TicketHash: ticket, UserID: userID, Status: auth.ScanOpened, OpenedAt: w.clock.now(), EndsAt: w.clock.now().Add(time.Minute),
	}))(w.t)
	if !must(w.AnswerScan(w.ctx, ticket, userID, auth.ScanConfirmed, w.clock.now()))(w.t) {
		w.t.Fatal("not confirmed")
	}
	save := w.login("", auth.ScopeScan)
	must(w.CollectScan(w.ctx, auth.CollectScan{TicketHash: ticket, Session: save.Session, Login: save.Login}))(w.t)
	return save.Session.TokenHash
}

// hoard gives a person many sessions past the store, all live: the i-th was seen i
// milliseconds after the first, a day ago.
func (w *world) hoard(userID string, n int) {
	w.t.Helper()
	at := w.clock.ago(24 * time.Hour).UnixMilli()
	w.exec(fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO sessions (id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent)
		SELECT 'hoard' || i, 'hoard' || i, 'visitor', $1, %d, %d + i, %d, '192.0.2.1', 'script' FROM n`,
		n, at, at, w.clock.now().Add(time.Hour).UnixMilli()), userID)
}

var sessionCapPromises = map[string]func(*world){
	"of a person's sessions the least recently used ends when the 51st begins": func(w *world) {
		other, otherToken := w.visitor("o2")
		var tokens []string
		var user auth.User
		for range auth.MaxSessions {
			var token string
			user, token = w.visitor("o1")
			tokens = append(tokens, token)
			w.clock.pass(time.Second)
		}
		for _, token := range tokens {
			w.wantSignedIn(token) // and in the cache
		}
		// The first is used again, the fourth seen at the same moment as the third.
		if err := w.TouchSessions(w.ctx, tokens[:1], w.clock.now()); err != nil {
			w.t.Fatal(err)
		}
		w.exec(`UPDATE sessions SET last_seen_at = (SELECT last_seen_at FROM sessions WHERE token_hash = $2) WHERE token_hash = $1`, tokens[3], tokens[2])
		for i, ended := range []string{tokens[1], tokens[2], tokens[3], tokens[4]} {
			w.wantSignedIn(ended)
			if i%2 == 0 {
				_, token := w.visitor("o1")
				w.wantSignedIn(token)
			} else {
				w.wantSignedIn(w.collects(user.ID))
			}
			w.wantSignedOut(ended)
			w.clock.pass(time.Second)
		}
		w.wantSignedIn(tokens[0])
		w.wantSignedIn(tokens[5])
		w.wantSignedIn(otherToken)
		if n := w.number("SELECT COUNT(*) FROM sessions WHERE user_id = $1", user.ID); n != auth.MaxSessions {
			w.t.Errorf("%d sessions", n)
		}
		if n := w.number("SELECT COUNT(*) FROM sessions WHERE user_id = $1", other.ID); n != 1 {
			w.t.Errorf("%d sessions of another", n)
		}
	},
	"another browser's login ends none while a session takes its own place": func(w *world) {
		var tokens []string
		for range auth.MaxSessions {
			_, token := w.visitor("o1")
			tokens = append(tokens, token)
			w.clock.pass(time.Second)
		}
		save := w.login("o1", auth.ScopeBase)
		save.Replaces = tokens[7]
		w.signsIn(save)
		w.wantSignedOut(tokens[7])
		for _, token := range slices.Delete(tokens, 7, 8) {
			w.wantSignedIn(token)
		}
	},
	"what has ended, or is of a wrong clock, makes room before what lives": func(w *world) {
		user, ended := w.visitor("o1")
		_, ahead := w.visitor("o1")
		var live []string
		for range auth.MaxSessions - 2 {
			w.clock.pass(time.Second)
			_, token := w.visitor("o1")
			live = append(live, token)
		}
		w.clock.pass(time.Second)
		w.exec(`UPDATE sessions SET ends_at = $2, last_seen_at = $2 WHERE token_hash = $1`, ended, w.clock.now().UnixMilli())
		w.exec(`UPDATE sessions SET last_seen_at = $2 WHERE token_hash = $1`, ahead, w.clock.now().AddDate(10, 0, 0).UnixMilli())
		for range 2 {
			_, token := w.visitor("o1")
			live = append(live, token)
		}
		for _, token := range live {
			w.wantSignedIn(token)
		}
		w.wantSignedOut(ended)
		w.wantSignedOut(ahead)
		if n := w.number("SELECT COUNT(*) FROM sessions WHERE user_id = $1", user.ID); n != auth.MaxSessions {
			w.t.Errorf("%d sessions", n)
		}
	},
	"logins of one person at once leave no more than the limit, in two processes too": func(w *world) {
		user, _ := w.visitor("o1")
		w.hoard(user.ID, auth.MaxSessions-5)
		stores := []*store.Store{w.Store, w.another()}
		together(24, func(i int) { w.signsInAt(stores[i%2], w.login("o1", auth.ScopeBase)) })
		if n := w.number("SELECT COUNT(*) FROM sessions WHERE user_id = $1", user.ID); n != auth.MaxSessions {
			w.t.Errorf("%d sessions", n)
		}
	},
	"thousands of sessions from before the limit end a batch a login, and by the sweep": func(w *world) {
		user, _ := w.visitor("o1")
		_, other := w.visitor("o2")
		w.hoard(user.ID, 2000)
		left := func() int64 { return w.number("SELECT COUNT(*) FROM sessions WHERE user_id = $1", user.ID) }
		w.wantSignedIn("hoard1")
		w.wantSignedIn("hoard2000")
		_, latest := w.visitor("o1")
		if n := left(); n != 2002-500 {
			w.t.Errorf("%d sessions are left", n)
		}
		w.wantSignedOut("hoard1")
		if n := len(must(w.UserSessions(w.ctx, user.ID))(w.t)); n != auth.MaxSessions {
			w.t.Errorf("%d sessions are listed", n)
		}
		w.wantSignedIn("hoard1500")
		if n := must(w.Sweep(w.ctx, w.clock.now(), 720*time.Hour))(w.t); n != 2002-500-auth.MaxSessions {
			w.t.Errorf("swept %d", n)
		}
		if n := left(); n != auth.MaxSessions {
			w.t.Errorf("%d sessions are left", n)
		}
		w.wantSignedOut("hoard1500")
		w.wantSignedIn("hoard2000")
		w.wantSignedIn(latest)
		w.wantSignedIn(other)
	},
}

// The count that every login makes reads a few entries of an index, whatever else
// there is, and so does what ends sessions.
func TestSessionLimitReadsOnePerson(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			w := newWorld(t, e)
			for _, openID := range []string{"o1", "o2", "o3"} {
				user, _ := w.visitor(openID)
				w.hoard(user.ID, 2)
				w.exec(`UPDATE sessions SET id = $1 || id, token_hash = $1 || token_hash WHERE id LIKE 'hoard%'`, openID)
			}
			explain, want, never := "EXPLAIN QUERY PLAN ", "SEARCH sessions USING COVERING INDEX sessions_by_user (user_id=?)", "SCAN sessions"
			if e.name == postgresEngine.name {
				// So few rows are read whole, unless that is ruled out.
				w.at.raw.SetMaxOpenConns(1)
				w.exec("SET enable_seqscan = off")
				explain, want, never = "EXPLAIN ", "sessions_by_user", "Seq Scan on sessions"
			}
			for i, s := range store.SessionLimitStatements("id") {
				plan := strings.Join(w.planned(explain, s), "\n")
				if i > 0 && e.name == sqliteEngine.name {
					want = "SEARCH sessions USING INDEX sessions_by_user (user_id=?)"
				}
				if !strings.Contains(plan, want) || strings.Contains(plan, never) {
					t.Errorf("%s\n%s", s.Text, plan)
				}
			}
		})
	}
}
