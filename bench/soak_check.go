package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"wxlogin/bench/rig"
)

// sessionsHold checks every session that was ever given, at either process: live ones show
// their person, ended ones open nothing.
func (s *soak) sessionsHold(ctx context.Context) error {
	b := s.newBrowser(1<<42, rig.IPhone)
	defer b.close()
	n := 0
	for token, promise := range s.ledger.all() {
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		b.jar = rig.Jar{}
		b.jar.Set(rig.SessionCookie, token)
		c := b.askSeat(s.fleet.seats[n%len(s.fleet.seats)], http.MethodGet, "/api/me", nil)
		if c == nil {
			continue // reported already
		}
		var me struct{ OpenID string }
		switch {
		case c.Status == http.StatusOK:
			if err := json.Unmarshal(c.Body, &me); err != nil || me.OpenID != promise.openID {
				s.ledger.breaks("a session of %s shows %s", promise.openID, me.OpenID)
			}
			if promise.state == ended {
				s.ledger.breaks("a session that was ended answers again")
			}
		case c.Status != http.StatusUnauthorized:
			s.ledger.breaks("/api/me answers %d with nothing broken: %.300s", c.Status, c.Body)
		case promise.state == alive:
			s.ledger.breaks("an acknowledged login is lost: a session of %s answers %d", promise.openID, c.Status)
		}
		s.ledger.count("sessions asked at the end")
	}
	return nil
}

// whole are queries that return 0 for a consistent database.
var whole = []struct{ what, query string }{
	{"people twice", `SELECT COUNT(*) - COUNT(DISTINCT openid) FROM users`},
	{"sessions without a person", `SELECT COUNT(*) FROM sessions WHERE kind = 'visitor' AND user_id NOT IN (SELECT id FROM users)`},
	{"logins without their person", `SELECT COUNT(*) FROM logins WHERE outcome = 'signed_in' AND (user_id IS NULL OR user_id NOT IN (SELECT id FROM users))`},
	{"people without a login", `SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM logins WHERE outcome = 'signed_in' AND user_id IS NOT NULL)`},
	{"people without a token", `SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM tokens)`},
	{"people whose login_count is not the number of their logins", `SELECT COUNT(*) FROM users WHERE login_count <> (SELECT COUNT(*) FROM logins WHERE user_id = users.id AND outcome = 'signed_in')`},
	{"sessions that no login began", `SELECT COUNT(*) FROM sessions WHERE kind = 'visitor' AND token_hash NOT IN (SELECT session_hash FROM logins WHERE outcome = 'signed_in')`},
	{"ended logins without their end", `SELECT COUNT(*) FROM logins WHERE outcome <> 'pending' AND finished_at IS NULL`},
	{"people without a profile after they allowed it", `SELECT COUNT(*) FROM users WHERE scope = 'snsapi_userinfo' AND nickname = '' AND profile_updated_at IS NOT NULL`},
}

// rowsHold checks the database after the processes have ended.
func (s *soak) rowsHold(ctx context.Context) error {
	db, isSQLite, err := rig.Open(s.database, checking)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, check := range whole {
		var n int
		if err := db.QueryRowContext(ctx, check.query).Scan(&n); err != nil {
			return err
		}
		if n != 0 {
			s.ledger.breaks("%d %s", n, check.what)
		}
	}
	if isSQLite {
		var verdict string
		if err := db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			s.ledger.breaks("integrity_check: %s", verdict)
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT openid, login_count FROM users`)
	if err != nil {
		return err
	}
	defer rows.Close()
	stored := make(map[string]int)
	for rows.Next() {
		var openID string
		var n int
		if err := rows.Scan(&openID, &n); err != nil {
			return err
		}
		stored[openID] = n
	}
	for openID, n := range s.ledger.answered() {
		if stored[openID] < n {
			s.ledger.breaks("%s was signed in %d times, and %d are stored", openID, n, stored[openID])
		}
	}
	return rows.Err()
}

// calmTime is how long the load goes on after the last fault.
func calmTime(length time.Duration) time.Duration { return min(length/8, 20*time.Second) }
