package list

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// accountsOf reads which accounts a table has rows of, one step of its index each.
func accountsOf(table string) string {
	return fmt.Sprintf(`SELECT appid FROM (
		WITH RECURSIVE accounts (appid) AS (SELECT MIN(appid) FROM %[1]s
			UNION ALL SELECT (SELECT MIN(%[1]s.appid) FROM %[1]s WHERE %[1]s.appid > accounts.appid) FROM accounts WHERE accounts.appid IS NOT NULL)
		SELECT appid FROM accounts WHERE appid IS NOT NULL
	) AS of_%[1]s`, table)
}

// ofAccount are the ids of who has an identity of an account; who has two of it is there
// twice.
func ofAccount(appID string) sqldb.Clause {
	return sqldb.SQL("SELECT id FROM users WHERE appid = $1 UNION ALL SELECT user_id AS id FROM identities WHERE appid = $1", appID)
}

// account adds that somebody has an identity of an account.
func (l *Lists) account(ctx context.Context, sel *selection, appID string) error {
	candidate := candidateIndex{
		entries: ofAccount(appID),
		people:  "COUNT(DISTINCT id)",
		exact:   true,
		ids:     ofAccount(appID),
		few:     fewOfOther,
	}
	listed := sqldb.SQL(l.db.HalfTrue("users.id IN ("+candidate.ids.Text+")"), candidate.ids.Args...)
	others := sel.where
	sel.where = append(others[:len(others):len(others)], sqldb.SQL(l.db.HalfTrue(
		"(users.appid = $1 OR EXISTS (SELECT 1 FROM identities"+l.db.IndexedBy("identities_by_user")+" WHERE identities.user_id = users.id AND identities.appid = $1))"), appID))
	switch {
	case sel.group != "": // a place, where not everybody is
	case sel.at == "users.first_login_at":
		candidate.few = 0 // a scan reads nobody else
		sel.streams = l.streamsOf(appID, others)
	default:
		candidate.listed = listed
		if err := l.cutToAccount(ctx, sel, appID); err != nil {
			return err
		}
	}
	sel.candidates = append(sel.candidates, candidate)
	return nil
}

// streamsOf has the people of an account in the order that they first came: those who
// came by it, and those who came by another.
func (l *Lists) streamsOf(appID string, others []sqldb.Clause) []stream {
	first := stream{alone: true, where: others, order: order{
		scanned: "users" + l.db.IndexedBy("users_by_account"),
		at:      "users.first_login_at", id: "users.id", group: "users.appid", value: appID,
	}}
	further := stream{alone: true, where: append(others[:len(others):len(others)], sqldb.SQL(`users.appid <> $1 AND NOT EXISTS (SELECT 1 FROM identities AS same`+l.db.IndexedBy("identities_by_user")+`
		WHERE same.user_id = identities.user_id AND same.appid = identities.appid AND same.id < identities.id)`, appID)), order: order{
		scanned: "identities" + l.db.IndexedBy("identities_by_account") + " CROSS JOIN users",
		link:    "users.id = identities.user_id",
		at:      "identities.person_first_at", id: "identities.user_id", group: "identities.appid", value: appID,
	}}
	return []stream{first, further}
}

// cutToAccount has a scan by the last login begin where the first of an account's people
// came: nobody comes for the last time before, but for clocks that are set back.
func (l *Lists) cutToAccount(ctx context.Context, sel *selection, appID string) error {
	var at sql.Null[int64]
	err := l.db.GetContext(ctx, &at, `SELECT MIN(at) FROM (SELECT MIN(first_login_at) AS at FROM users WHERE appid = $1
		UNION ALL SELECT MIN(person_first_at) FROM identities WHERE appid = $1) AS firsts`, appID)
	if at.Valid {
		sel.cut(admin.Span{From: instant(at.V).Add(-24 * time.Hour)})
	}
	return err
}
