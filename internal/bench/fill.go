package bench

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver
	_ "modernc.org/sqlite"             // driver
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
	db, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()+"?"+sqliteParams)
	return db, true, err
}

// filling is for a database that nobody else has open and that is thrown away
// when it fails.
const filling = "_pragma=busy_timeout(10000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-2000000)&_pragma=temp_store(MEMORY)&_txlock=immediate"

// Fill puts people into a database that the program has migrated and left: each
// with a session that PersonNumber(n).Token opens, most with a token of WeChat's,
// and their logins. The first visitors of them were here just now, the others
// within four weeks.
func Fill(ctx context.Context, database string, people, visitors int) error {
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
	f := &filler{people: people, visitors: visitors, now: time.Now()}
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
	for _, statement := range indexes {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if !isSQLite {
		_, err = db.ExecContext(ctx, `VACUUM (ANALYZE)`) // what autovacuum does soon
	}
	return errors.Join(err, db.Close())
}

// dropIndexes drops the indexes that are no constraints, and returns how to make
// them again: to sort once is much faster than to insert in no order.
func dropIndexes(ctx context.Context, db *sql.DB) (again []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
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
	now              time.Time
	users            *bulk
	sessions         *bulk
	tokens           *bulk
	logins           *bulk
}

const day = 24 * time.Hour

func (f *filler) fill(ctx context.Context, tx *sql.Tx, named bool) error {
	f.users = newBulk(tx, named, "users", "id, appid, openid, unionid, nickname, language, privilege, scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count, consent_version, consent_at")
	f.sessions = newBulk(tx, named, "sessions", "id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent")
	f.tokens = newBulk(tx, named, "tokens", "user_id, scope, refresh_token, kid, issued_at, ends_at")
	f.logins = newBulk(tx, named, "logins", "id, appid, state_hash, code_hash, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent, errcode, step")
	all := []*bulk{f.users, f.sessions, f.tokens, f.logins} // people before what is theirs
	for n := range f.people {
		if err := f.add(ctx, n); err != nil {
			return err
		}
		if f.users.full() {
			for _, b := range all {
				if err := b.flush(ctx); err != nil {
					return err
				}
			}
		}
	}
	for _, b := range all {
		if err := errors.Join(b.flush(ctx), b.rest(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// add makes up the life of one person. Who came first has the lowest number, so
// ids grow; the sessions are all alive, for a visit prolongs them.
func (f *filler) add(ctx context.Context, n int) error {
	p, r := PersonNumber(n), random("life", n)
	if n == f.people/2 {
		p.Nickname = RareNickname
	}
	joined := f.now.Add(-400*day + time.Duration(float64(399*day)*float64(n)/float64(f.people)))
	oldest := max(f.now.Sub(joined), time.Hour)
	login := f.now.Add(-time.Duration(r.Float64() * float64(min(oldest, 170*day))))
	if login.Before(joined) {
		login = joined
	}
	seen := f.now.Add(-time.Duration(r.Float64() * float64(28*day)))
	if f.isVisitor(n) {
		seen = f.now.Add(-time.Duration(r.IntN(15)) * time.Minute)
	}
	if seen.Before(login) {
		seen = login
	}
	id, hash := rowID(joined, r), digest(p.Token)
	scope, profileAt, consent, consentAt := "snsapi_userinfo", any(login.UnixMilli()), "2", any(login.UnixMilli())
	if !Consents(n) {
		p.Nickname, scope, profileAt, consent, consentAt = "", "snsapi_base", nil, "", nil
	}
	blocked, count := 0, 1
	if IsBlocked(n) && !f.isVisitor(n) {
		blocked = 1
	}
	if n%2 == 0 {
		count = 2 + r.IntN(20)
	}
	unionID := any(nil)
	if p.UnionID != "" {
		unionID = p.UnionID
	}
	address := fmt.Sprintf("198.51.%d.%d", r.IntN(256), r.IntN(256))
	f.users.add(id, AppID, p.OpenID, unionID, p.Nickname, "zh_CN", "[]", scope, blocked, joined.UnixMilli(), login.UnixMilli(), profileAt, count, consent, consentAt)
	if blocked == 0 {
		f.sessions.add(rowID(login, r), hash, "visitor", id, login.UnixMilli(), seen.UnixMilli(), login.Add(180*day).UnixMilli(), address, IPhone)
	}
	var sealed [140]byte
	for i := range sealed {
		sealed[i] = byte(r.Uint32())
	}
	f.tokens.add(id, scope, "v1|filled|"+base64.RawStdEncoding.EncodeToString(sealed[:]), "filled", login.UnixMilli(), login.Add(30*day).UnixMilli())
	f.login(n, "last", login, scope, "signed_in", "", id, hash, address)
	if n%2 == 0 {
		at := login.Add(-time.Duration(r.Float64() * float64(10*day)))
		f.login(n, "earlier", at, scope, "signed_in", "", id, digest(fmt.Sprintf("earlier session of %d", n)), address)
	}
	if n%25 == 0 {
		f.login(n, "failed", login.Add(-time.Minute), scope, "failed", "code_spent", nil, digest(fmt.Sprintf("no session of %d", n)), address)
	}
	return nil
}

func (f *filler) login(n int, which string, at time.Time, scope, outcome, reason string, userID any, session, address string) {
	f.logins.add(rowID(at, random(which+" login", n)), AppID, digest(fmt.Sprintf("state %s %d", which, n)), digest(fmt.Sprintf("code %s %d", which, n)),
		session, scope, outcome, reason, userID, at.UnixMilli(), at.Add(400*time.Millisecond).UnixMilli(), address, IPhone, 0, "")
}

// Refresh makes people who were put in some time ago look as if they were put in
// now, as far as it matters: whose session is used was here just now.
func Refresh(ctx context.Context, database string, people, visitors int) error {
	db, _, err := Open(database, filling)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, n := range Visitors(people, visitors) {
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET last_seen_at = $1 WHERE token_hash = $2`, time.Now().UnixMilli(), digest(PersonNumber(n).Token)); err != nil {
			return err
		}
	}
	return errors.Join(tx.Commit(), db.Close())
}
