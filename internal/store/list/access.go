package list

import (
	"context"
	"database/sql"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// live is the condition on a grant, by the name of its table, that its client can still
// use it: the grant was redeemed, and its session goes on or it outlives sessions. Grants
// that ended otherwise are swept away.
func live(grants string) string {
	return strings.ReplaceAll("g.redeemed_at IS NOT NULL AND (g.session_id IS NOT NULL OR g.offline = 1)", "g.", grants+".")
}

// accessToRow is a person with the latest grant that a client holds of them.
type accessToRow struct {
	UserRow
	GrantID  string           `db:"grant_id"`
	LastAt   int64            `db:"last_at"`
	Scopes   sql.Null[string] `db:"scopes"`
	AgreedAt sql.Null[int64]  `db:"agreed_at"`
	Offline  bool             `db:"offline"`
}

func (r accessToRow) access() admin.Access {
	return admin.Access{
		User: r.User(), Scopes: strings.Fields(r.Scopes.V), AgreedAt: maybeInstant(r.AgreedAt), LastAt: instant(r.LastAt), Offline: r.Offline,
	}
}

// accessTo finds each person at their latest grant, by an index that has the client's
// grants in this order. A client holds few grants of one person.
var accessTo = `SELECT ` + UserColumns + `, latest.id AS grant_id, latest.created_at AS last_at, consents.scopes, consents.agreed_at,
		(SELECT MAX(held.offline) FROM grants AS held WHERE held.user_id = latest.user_id AND held.client_id = latest.client_id AND ` + live("held") + `) AS offline
	FROM grants AS latest JOIN users ON users.id = latest.user_id
		LEFT JOIN consents ON consents.user_id = latest.user_id AND consents.client_id = latest.client_id
	WHERE latest.client_id = $1 AND ` + live("latest") + ` AND NOT EXISTS (SELECT 1 FROM grants AS later
		WHERE later.user_id = latest.user_id AND later.client_id = latest.client_id AND ` + live("later") + `
			AND (later.created_at, later.id) > (latest.created_at, latest.id))`

func findAccess(clientID string, from *Position, back bool, limit int) sqldb.Clause {
	order, beyond := " DESC", "<"
	if back {
		order, beyond = " ASC", ">"
	}
	c := sqldb.SQL(accessTo, clientID)
	if from != nil {
		c = c.Then(" AND (latest.created_at, latest.id) "+beyond+" ($1, $2)", from.At, from.ID)
	}
	return c.Then(" ORDER BY latest.created_at"+order+", latest.id"+order+" LIMIT $1", limit)
}

// AccessTo returns one page of the people of whom a client holds a grant. BadRequest for a
// limit out of range or a cursor that this query did not give.
func (l *Lists) AccessTo(ctx context.Context, q admin.AccessQuery) (admin.AccessPage, error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return admin.AccessPage{}, err
	}
	pager := pager[accessToRow]{
		query: "access " + q.ClientID,
		read: func(ctx context.Context, from *Position, back bool, limit int) (rows []accessToRow, err error) {
			err = l.db.Select(ctx, &rows, findAccess(q.ClientID, from, back, limit))
			return rows, l.db.Fail(ctx, "list an application's people", err)
		},
		position: func(row accessToRow) Position { return Position{At: row.LastAt, ID: row.GrantID} },
	}
	found, err := pageAt(ctx, l, pager, q.Cursor, limit)
	return admin.AccessPage{People: each(found.rows, accessToRow.access), Next: found.next, Prev: found.prev}, err
}

// clientUse looks at no more than the latest grants of a client. For a client that holds
// none any more, it has the time of the latest consent.
var clientUse = `SELECT COUNT(*) AS grants, COUNT(DISTINCT user_id) AS people, MAX(created_at) AS last_at,
		(SELECT MAX(agreed_at) FROM consents WHERE client_id = $1) AS agreed_at
	FROM (SELECT user_id, created_at FROM grants WHERE client_id = $1 AND ` + live("grants") + ` ORDER BY created_at DESC LIMIT $2) AS latest`

// ClientUse counts the people among the latest grants of a client, and says when the
// latest grant was made or consent given.
func (l *Lists) ClientUse(ctx context.Context, clientID string, among int) (admin.ClientUse, error) {
	var row struct {
		Grants   int             `db:"grants"`
		People   int64           `db:"people"`
		LastAt   sql.Null[int64] `db:"last_at"`
		AgreedAt sql.Null[int64] `db:"agreed_at"`
	}
	if err := l.db.GetContext(ctx, &row, clientUse, clientID, among+1); err != nil {
		return admin.ClientUse{}, l.db.Fail(ctx, "count an application's people", err)
	}
	use := admin.ClientUse{People: admin.Total{N: row.People}, LastAt: maybeInstant(row.LastAt)}
	if row.Grants > among {
		use.People = moreThan(row.People - 1)
	}
	if agreed := maybeInstant(row.AgreedAt); agreed.After(use.LastAt) {
		use.LastAt = agreed
	}
	return use, nil
}

// AccessStatements are the statements of AccessTo and ClientUse.
func AccessStatements(clientID string, among int) (all []Statement) {
	from := Position{At: 1, ID: "x"}
	for _, back := range []bool{false, true} {
		for _, from := range []*Position{nil, &from} {
			c := findAccess(clientID, from, back, 51)
			all = append(all, Statement{Text: c.Text, Args: c.Args, Scan: true, From: from != nil})
		}
	}
	return append(all, Statement{Text: clientUse, Args: []any{clientID, among}})
}
