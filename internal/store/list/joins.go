package list

import (
	"context"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// joinRow has what the list of joins is ordered by.
type joinRow struct {
	ID string `db:"id"`
	At int64  `db:"linked_at"`
}

// Joins returns a page of the ids of identities that were joined to a person, the latest
// first. BadRequest for a limit out of range or a cursor that this query did not give.
func (l *Lists) Joins(ctx context.Context, q admin.JoinQuery) (ids []string, next, prev string, err error) {
	found, err := joinPage(ctx, l, q, pager[joinRow]{
		query: "joins",
		read: func(ctx context.Context, from *Position, back bool, limit int) (rows []joinRow, err error) {
			err = l.db.Select(ctx, &rows, findJoins(from, back, limit))
			return rows, l.db.Fail(ctx, "list joins", err)
		},
		position: func(r joinRow) Position { return Position{At: r.At, ID: r.ID} },
	})
	return each(found.rows, func(r joinRow) string { return r.ID }), found.next, found.prev, err
}

func findJoins(from *Position, back bool, limit int) sqldb.Clause {
	order, beyond := latestFirst(back)
	c := sqldb.SQL("SELECT id, linked_at FROM identities")
	if from != nil {
		c = c.Then(" WHERE (linked_at, id) "+beyond+" ($1, $2)", from.At, from.ID)
	}
	return c.Then(" ORDER BY linked_at"+order+", id"+order+" LIMIT $1", limit)
}

// ProposalRow is a proposal that no admin has answered yet.
type ProposalRow struct {
	Kept    string `db:"user_id"`
	Other   string `db:"other_id"`
	UnionID string `db:"unionid"`
	NotedAt int64  `db:"noted_at"`
}

// Proposals returns a page of such proposals, the latest first. BadRequest as with Joins.
func (l *Lists) Proposals(ctx context.Context, q admin.JoinQuery) (rows []ProposalRow, next, prev string, err error) {
	found, err := joinPage(ctx, l, q, pager[ProposalRow]{
		query: "proposals",
		read: func(ctx context.Context, from *Position, back bool, limit int) (rows []ProposalRow, err error) {
			err = l.db.Select(ctx, &rows, findProposals(from, back, limit))
			return rows, l.db.Fail(ctx, "list proposals", err)
		},
		position: func(r ProposalRow) Position { return Position{At: r.NotedAt, ID: r.Kept + " " + r.Other} },
	})
	return found.rows, found.next, found.prev, err
}

func findProposals(from *Position, back bool, limit int) sqldb.Clause {
	order, beyond := latestFirst(back)
	c := sqldb.SQL("SELECT user_id, other_id, unionid, noted_at FROM proposals WHERE dismissed_at IS NULL")
	if from != nil {
		kept, other, _ := strings.Cut(from.ID, " ")
		c = c.Then(" AND (noted_at, user_id, other_id) "+beyond+" ($1, $2, $3)", from.At, kept, other)
	}
	return c.Then(" ORDER BY noted_at"+order+", user_id"+order+", other_id"+order+" LIMIT $1", limit)
}

// latestFirst returns the direction of an order that begins with the latest, and the
// operator for what lies beyond a position in it.
func latestFirst(back bool) (order, beyond string) {
	if back {
		return " ASC", ">"
	}
	return " DESC", "<"
}

func joinPage[Row any](ctx context.Context, l *Lists, q admin.JoinQuery, p pager[Row]) (page[Row], error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return page[Row]{}, err
	}
	return pageAt(ctx, l, p, q.Cursor, limit)
}

// JoinStatements are the statements of Joins and Proposals.
func JoinStatements() (all []Statement) {
	for _, back := range []bool{false, true} {
		for _, from := range []*Position{nil, {At: 1, ID: "a b"}} {
			for _, c := range []sqldb.Clause{findJoins(from, back, 51), findProposals(from, back, 51)} {
				all = append(all, Statement{Text: c.Text, Args: c.Args, Scan: true, From: from != nil})
			}
		}
	}
	return all
}
