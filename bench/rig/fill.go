package rig

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver
	"modernc.org/sqlite"
)

// Open opens a database as WXLOGIN_DATABASE_URL names it. The parameters are
// those of the SQLite driver.
func Open(database, sqliteParams string) (db *sql.DB, isSQLite bool, err error) {
	path, isSQLite := strings.CutPrefix(database, "sqlite:")
	if !isSQLite {
		db, err = sql.Open("pgx", database)
		return db, false, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, true, err
	}
	_, _ = sqlite.Fdatasync(true) // as the service does, where the system has it
	db, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()+"?"+sqliteParams)
	return db, true, err
}

// filling are the parameters for a database that nobody else has open, and that is thrown
// away on failure.
const filling = "_pragma=busy_timeout(10000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-2000000)&_pragma=temp_store(MEMORY)&_txlock=immediate"

// Fill puts people into a database that the program has migrated and closed: each with a
// session whose token is PersonNumber(n).Token, most with a token of WeChat's, and their
// logins. The Visitors among them were seen just now, the others within four weeks. With two
// identities, everybody has signed in by furtherAppID too, with another token, session and
// login.
func Fill(ctx context.Context, database string, people, visitors, identities int) error {
	db, isSQLite, err := Open(database, filling)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var there int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&there); err != nil {
		return err
	}
	if there > 0 {
		return fmt.Errorf("the database has %d people already; give an empty one", there)
	}
	f := &filler{people: people, visitors: visitors, further: identities > 1, now: time.Now()}
	var indexes []string
	if isSQLite {
		if indexes, err = dropIndexes(ctx, db); err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f.fill(ctx, tx, !isSQLite); err != nil {
		return err
	}
	// The program has counted the empty database, and would not count it again so soon.
	for _, statement := range append(indexes, `DELETE FROM tallied`) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if !isSQLite {
		_, err = db.ExecContext(ctx, `VACUUM (ANALYZE)`) // as autovacuum would soon do
	}
	return errors.Join(err, db.Close())
}

// dropIndexes drops the indexes that are not constraints, and returns the statements that
// make them again, as sorting once is much faster than inserting in random order. It keeps
// the indexes into which a service always inserts in random order: their pages are two thirds
// full, and after sorting they would be so full that every login splits some.
func dropIndexes(ctx context.Context, db *sql.DB) (again []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
		AND name NOT IN ('users_by_unionid', 'sessions_by_user', 'logins_by_user')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			return nil, err
		}
		names, again = append(names, name), append(again, statement)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := db.ExecContext(ctx, `DROP INDEX "`+name+`"`); err != nil {
			return nil, err
		}
	}
	return again, nil
}

type filler struct {
	people, visitors int
	further          bool // everybody has a second identity
	now              time.Time
	users            *bulk
	sessions         *bulk
	tokens           *bulk
	logins           *bulk
	identities       *bulk
	identityTokens   *bulk
	returns          []comeback
}

// comeback is one return from WeChat.
type comeback struct {
	at   time.Time
	n    int // the person's number
	kind string
}

// The kinds of comeback.
const (
	last    = "last" // it made the session
	earlier = "earlier"
	failed  = "failed"
	further = "further" // by the second identity, with a session of its own
)

const day = 24 * time.Hour

// fill inserts people in the order in which they first came, and then their logins and
// sessions in the order of time.
func (f *filler) fill(ctx context.Context, tx *sql.Tx, named bool) error {
	for _, table := range []struct {
		of            **bulk
		name, columns string
	}{
		{&f.users, "users", "id, appid, openid, unionid, nickname, language, privilege, scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count, consent_version, consent_at"},
		{&f.tokens, "tokens", "user_id, scope, refresh_token, kid, issued_at, ends_at"},
		{&f.sessions, "sessions", "id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent, identity_id"},
		{&f.logins, "logins", "id, appid, state_hash, code_hash, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent, errcode, step, identity_id"},
		{&f.identities, "identities", "id, user_id, appid, openid, unionid, scope, first_login_at, last_login_at, login_count, linked, linked_at"},
		{&f.identityTokens, "identity_tokens", "identity_id, scope, refresh_token, kid, issued_at, ends_at"},
	} {
		var err error
		if *table.of, err = newBulk(ctx, tx, named, table.name, table.columns); err != nil {
			return err
		}
	}
	for n := range f.people {
		f.addPerson(f.life(n))
		if err := flush(ctx, f.users, f.tokens, f.identities, f.identityTokens); err != nil {
			return err
		}
	}
	if err := errors.Join(f.users.rest(ctx), f.tokens.rest(ctx), f.identities.rest(ctx), f.identityTokens.rest(ctx)); err != nil {
		return err
	}
	slices.SortFunc(f.returns, func(a, b comeback) int { return a.at.Compare(b.at) })
	for _, c := range f.returns {
		f.addComeback(f.life(c.n), c)
		if err := flush(ctx, f.sessions, f.logins); err != nil {
			return err
		}
	}
	return errors.Join(f.sessions.rest(ctx), f.logins.rest(ctx))
}

// addPerson adds a person with their token, and notes their returns from WeChat.
func (f *filler) addPerson(l life) {
	r := random("token", l.n)
	profileAt, consent, consentAt := any(nil), "", any(nil)
	if l.consents {
		profileAt, consent, consentAt = l.login.UnixMilli(), "2", l.login.UnixMilli()
	}
	blocked, count := 0, 1
	if l.blocked {
		blocked = 1
	}
	f.returns = append(f.returns, comeback{l.login, l.n, last})
	if l.n%2 == 0 {
		count = 2 + r.IntN(20)
		f.returns = append(f.returns, comeback{l.login.Add(-time.Duration(r.Float64() * float64(10*day))), l.n, earlier})
	}
	if l.n%25 == 0 {
		f.returns = append(f.returns, comeback{l.login.Add(-time.Minute), l.n, failed})
	}
	unionID := any(nil)
	if l.UnionID != "" {
		unionID = l.UnionID
	}
	f.users.add(l.id, AppID, l.OpenID, unionID, l.Nickname, "zh_CN", "[]", l.scope(), blocked, l.joined.UnixMilli(), l.login.UnixMilli(), profileAt, count, consent, consentAt)
	f.tokens.add(l.id, l.scope(), sealed(r), "filled", l.login.UnixMilli(), l.login.Add(30*day).UnixMilli())
	if f.further {
		f.addIdentity(l, unionID)
	}
}

func sealed(r *rand.Rand) string {
	var bytes [140]byte
	for i := range bytes {
		bytes[i] = byte(r.Uint32())
	}
	return "v1|filled|" + base64.RawStdEncoding.EncodeToString(bytes[:])
}

// addIdentity adds a second identity of a person: it has their unionid, or an admin has
// joined it.
func (f *filler) addIdentity(l life, unionID any) {
	r := random("identity", l.n)
	linked, at := "unionid", l.login.Add(-time.Duration(r.Float64()*float64(min(l.login.Sub(l.joined), 9*day))))
	if unionID == nil {
		linked = "join"
	}
	f.identities.add(l.identity, l.id, furtherAppID, "oB"+letters(r, 26), unionID, "snsapi_userinfo", at.UnixMilli(), l.login.UnixMilli(), 2, linked, at.UnixMilli())
	f.identityTokens.add(l.identity, "snsapi_userinfo", sealed(r), "filled", l.login.UnixMilli(), l.login.Add(30*day).UnixMilli())
	f.returns = append(f.returns, comeback{at, l.n, further})
}

// addComeback adds a login, and for the last login by each identity its session. Spent codes
// and states are remembered for an hour.
func (f *filler) addComeback(l life, c comeback) {
	r := random(c.kind+" login", l.n)
	session, outcome, reason, user := digest(fmt.Sprintf("%s session of %d", c.kind, l.n)), "signed_in", "", any(l.id)
	appID, identity := AppID, any(nil)
	switch c.kind {
	case last:
		session = digest(l.Token)
	case further:
		appID, identity = furtherAppID, l.identity
	case failed:
		outcome, reason, user = "failed", "code_spent", nil
	}
	if (c.kind == last || c.kind == further) && !l.blocked {
		f.sessions.add(rowID(c.at, r), session, "visitor", l.id, c.at.UnixMilli(), l.seen.UnixMilli(), c.at.Add(180*day).UnixMilli(), l.address, IPhone, identity)
	}
	state, code := any(nil), any(nil)
	if f.now.Sub(c.at) < time.Hour {
		state, code = digest(fmt.Sprintf("%s state of %d", c.kind, l.n)), digest(fmt.Sprintf("%s code of %d", c.kind, l.n))
	}
	f.logins.add(rowID(c.at, r), appID, state, code, session, l.scope(), outcome, reason, user, c.at.UnixMilli(), c.at.Add(400*time.Millisecond).UnixMilli(), l.address, IPhone, 0, "", identity)
}
