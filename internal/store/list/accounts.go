package list

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// accountsOf selects the accounts that a table has rows of, with one step of its index for
// each.
func accountsOf(table string) string {
	return fmt.Sprintf(`SELECT appid FROM (
		WITH RECURSIVE accounts (appid) AS (SELECT MIN(appid) FROM %[1]s
			UNION ALL SELECT (SELECT MIN(%[1]s.appid) FROM %[1]s WHERE %[1]s.appid > accounts.appid) FROM accounts WHERE accounts.appid IS NOT NULL)
		SELECT appid FROM accounts WHERE appid IS NOT NULL
	) AS of_%[1]s`, table)
}

// ofAccount selects the ids of people with an identity of an account, once for each such
// identity.
func ofAccount(appID string) sqldb.Clause {
	return sqldb.SQL("SELECT id FROM users WHERE appid = $1 UNION ALL SELECT user_id AS id FROM identities WHERE appid = $1", appID)
}

// account adds the condition that a person has an identity of an account.
func (l *Lists) account(ctx context.Context, sel *selection, q admin.UserQuery) error {
	appID := q.AppID
	of := sqldb.SQL(l.db.HalfTrue("(users.appid = $1 OR EXISTS (SELECT 1 FROM identities"+l.db.IndexedBy("identities_by_user")+` WHERE identities.user_id = users.id AND identities.appid = $1`+l.db.RowByRow()+`))`), appID)
	candidate := candidateIndex{
		entries: ofAccount(appID),
		people:  "COUNT(DISTINCT id)",
		exact:   true,
		ids:     ofAccount(appID),
		few:     fewOfOther,
	}
	if sel.at == "users.first_login_at" && sel.group == "" {
		candidate.few = 0 // the scan reads nobody else
		sel.late = append(sel.late, of)
		sel.streams = l.streamsOf(appID)
		sel.candidates = append(sel.candidates, candidate)
		return nil
	}
	sel.where = append(sel.where, of)
	if q.Search != "" || q.Filter == admin.FilterSubscribed || q.Filter == admin.FilterUnsubscribed {
		candidate.few = fewBeside
	}
	if sel.group == "" { // not for a place, whose index has few people already
		candidate.listed = sqldb.SQL(l.db.HalfTrue("users.id IN ("+candidate.ids.Text+")"), candidate.ids.Args...)
	}
	sel.candidates = append(sel.candidates, candidate)
	return l.cutToAccount(ctx, sel, appID)
}

// streamsOf has the people of an account in the order of their first login, as two
// streams: by their first identity, and by a further one.
func (l *Lists) streamsOf(appID string) []stream {
	first := stream{order: order{
		scanned: "users" + l.db.IndexedBy("users_by_account"),
		at:      "users.first_login_at", id: "users.id", group: "users.appid", value: appID,
	}}
	further := stream{where: []sqldb.Clause{sqldb.SQL(`users.appid <> $1 AND NOT EXISTS (SELECT 1 FROM identities AS same`+l.db.IndexedBy("identities_by_user")+`
		WHERE same.user_id = identities.user_id AND same.appid = identities.appid AND same.id < identities.id`+l.db.RowByRow()+`)`, appID)}, order: order{
		scanned: "identities" + l.db.IndexedBy("identities_by_account") + l.db.JoinRow("users", "users.id = identities.user_id"),
		at:      "identities.person_first_at", id: "identities.user_id", group: "identities.appid", value: appID,
	}}
	return []stream{first, further}
}

// cutToAccount limits the scan to the time in which the account's people first logged in.
// An account that is newer than the places that WeChat gave has nobody in any of them, and
// no last login is before the first, except where clocks were set back.
func (l *Lists) cutToAccount(ctx context.Context, sel *selection, appID string) error {
	var came struct {
		First sql.Null[int64] `db:"first"`
		Last  sql.Null[int64] `db:"last"`
	}
	err := l.db.GetContext(ctx, &came, `SELECT MIN(at) AS first, MAX(at) AS last FROM (
		SELECT MIN(first_login_at) AS at FROM users WHERE appid = $1 UNION ALL SELECT MAX(first_login_at) FROM users WHERE appid = $1
		UNION ALL SELECT MIN(person_first_at) FROM identities WHERE appid = $1 UNION ALL SELECT MAX(person_first_at) FROM identities WHERE appid = $1) AS ends`, appID)
	if err != nil || !came.First.Valid {
		return err
	}
	within := sqldb.SQL("users.first_login_at >= $1 AND users.first_login_at <= $2", came.First.V, came.Last.V)
	// First, before names are compared: for an old account this is false for nearly
	// everybody.
	sel.where = slices.Insert(sel.where, 0, within)
	if sel.group != "" {
		users := "users" + l.db.IndexedBy("users_by_"+strings.TrimPrefix(sel.group, "users."))
		sel.candidates = append(sel.candidates, candidateIndex{
			entries: sqldb.Join(sqldb.SQL("SELECT 1 FROM "+users+" WHERE "+sel.group+" <> '' AND "+sel.group+" = $1 AND ", sel.value), within),
			people:  "COUNT(*)",
			users:   users,
			few:     fewOfUsers,
		})
	}
	if sel.at == "users.first_login_at" {
		sel.cut(admin.Span{From: instant(came.First.V), To: instant(came.Last.V + 1)})
		return nil
	}
	sel.cut(admin.Span{From: instant(came.First.V).Add(-clockSlack)})
	if sel.group == "" && !sel.down {
		return l.firstOfAccount(ctx, sel, appID)
	}
	return nil
}

// firstOfAccount gathers the account's earliest people and sorts them by their last login.
// Everybody of the account whose last login was before the others' first one is among
// them. In that part of the order, a scan would pass over everybody else's rows to find
// few. The rest is scanned.
func (l *Lists) firstOfAccount(ctx context.Context, sel *selection, appID string) error {
	roughly, err := l.roughly(ctx)
	if err != nil {
		return err
	}
	var firsts struct {
		N  int64           `db:"n"`
		At sql.Null[int64] `db:"at"`
	}
	most := few(fewOfOther, roughly) + 1
	err = l.db.GetContext(ctx, &firsts, `SELECT COUNT(*) AS n, MAX(at) AS at FROM (
		SELECT at FROM (SELECT first_login_at AS at FROM users WHERE appid = $1 ORDER BY appid, first_login_at LIMIT $2) AS first
		UNION ALL SELECT at FROM (SELECT person_first_at AS at FROM identities WHERE appid = $1 ORDER BY appid, person_first_at LIMIT $2) AS further
		ORDER BY at LIMIT $2) AS firsts`, appID, most)
	if err != nil || firsts.N < most {
		return err // so few are gathered anyway
	}
	before := Position{At: firsts.At.V - clockSlack.Milliseconds()}
	head, rest := stream{order: sel.order, high: &before}, stream{order: sel.order, low: &before}
	// By the primary key: not by the index of the order, nor by that of another condition.
	head.scanned, head.at = "users"+l.db.IndexedBy("sqlite_autoindex_users_1"), "+users.last_login_at"
	head.where = []sqldb.Clause{sqldb.SQL(`users.id IN (SELECT id FROM users WHERE appid = $1 AND first_login_at < $2
		UNION ALL SELECT user_id FROM identities WHERE appid = $1 AND person_first_at < $2)`, appID, firsts.At.V)}
	sel.streams = []stream{head, rest}
	return nil
}
