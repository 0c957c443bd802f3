package list

import (
	"context"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// The refresh_token of a person's first identity is in tokens, those of further identities
// are in identity_tokens. Each row has its account, and an index of each table is ordered
// by account and end.

// tokenAccounts returns the accounts that have tokens.
func (l *Lists) tokenAccounts(ctx context.Context) (appIDs []string, err error) {
	err = l.db.SelectContext(ctx, &appIDs, accountsOf("tokens")+" UNION "+accountsOf("identity_tokens"))
	return appIDs, err
}

// tokenEnds has people in the order of their tokens' ends, from low to high: the next to
// end comes first, whatever order was asked for. Of several tokens of a person, the one
// that ends first within the segment counts; in a query of one account, only that
// account's.
func (l *Lists) tokenEnds(ctx context.Context, sel *selection, q admin.UserQuery) error {
	appID := q.AppID
	sel.order = order{beside: "users", at: "tokens.ends_at", id: "users.id"}
	low := int64(0)
	if sel.low != nil {
		low = sel.low.At
	}
	accounts := []string{appID}
	if appID == "" {
		var err error
		if accounts, err = l.tokenAccounts(ctx); err != nil {
			return err
		}
		if len(accounts) == 0 {
			accounts = []string{""} // nobody's
		}
	}
	// of limits a condition to tokens of the account that was asked for.
	of := func(c sqldb.Clause, column string) sqldb.Clause {
		if appID == "" {
			return c
		}
		return c.Then(" AND "+column+" = $1", appID)
	}
	not := func(exists sqldb.Clause) sqldb.Clause {
		return sqldb.Join(sqldb.SQL("NOT EXISTS ("), exists, sqldb.SQL(l.db.RowByRow()+")"))
	}
	// person is the id by which other tokens of a person are looked up. In a search it is
	// the one of users, so that they are looked up only for the few who match.
	person := func(column string) string {
		if q.Search != "" {
			return "users.id"
		}
		return column
	}
	byUser := l.db.IndexedBy("identities_by_user")
	earlier := `SELECT 1 FROM identities AS theirs` + byUser + ` CROSS JOIN identity_tokens AS earlier
		WHERE earlier.identity_id = theirs.id AND earlier.ends_at >= $1 AND theirs.user_id = `
	within := func(column string) sqldb.Clause {
		return sqldb.SQL(column+" >= $1 AND "+column+" < $2", low, sel.high.At)
	}
	// The tokens of first identities come first: most people have no other, and it takes
	// no lookup to know whose they are.
	var further []stream
	var entries, looked []sqldb.Clause
	for _, account := range accounts {
		sel.streams = append(sel.streams, stream{
			order: order{
				scanned: "tokens" + l.db.IndexedBy("tokens_by_end") + l.db.JoinRow("users", "users.id = tokens.user_id"),
				at:      "tokens.ends_at", id: "tokens.user_id", group: "tokens.appid", value: account, equal: true,
			},
			where: []sqldb.Clause{not(of(sqldb.SQL(earlier+person("tokens.user_id")+" AND earlier.ends_at < tokens.ends_at", low), "earlier.appid"))},
		})
		further = append(further, stream{
			order: order{
				scanned: "identity_tokens" + l.db.IndexedBy("identity_tokens_by_end") + l.db.JoinRow("identities", "identities.id = identity_tokens.identity_id") +
					l.db.JoinRow("users", "users.id = identities.user_id"),
				at: "identity_tokens.ends_at", id: "identities.user_id", group: "identity_tokens.appid", value: account, equal: true, loose: true,
			},
			where: []sqldb.Clause{
				not(of(sqldb.SQL(`SELECT 1 FROM tokens AS earlier WHERE earlier.user_id = `+person("identities.user_id")+` AND earlier.ends_at >= $1
					AND earlier.ends_at <= identity_tokens.ends_at`, low), "earlier.appid")),
				not(of(sqldb.SQL(earlier+person("identities.user_id")+` AND (earlier.ends_at, earlier.identity_id) < (identity_tokens.ends_at, identity_tokens.identity_id)`, low), "earlier.appid")),
			},
		})
		entries = append(entries, sqldb.Join(
			sqldb.SQL("SELECT user_id FROM tokens"+l.db.IndexedBy("tokens_by_end")+" WHERE appid = $1 AND ", account), within("ends_at")))
		// One lookup each, and none beyond the limit. Not a join, which might begin with
		// all identities.
		looked = append(looked, sqldb.Join(
			sqldb.SQL("SELECT (SELECT user_id FROM identities WHERE identities.id = identity_tokens.identity_id) AS user_id FROM identity_tokens"+
				l.db.IndexedBy("identity_tokens_by_end")+" WHERE appid = $1 AND ", account), within("ends_at")))
	}
	sel.streams = append(sel.streams, further...)
	sel.gatherAt = sqldb.Join(
		sqldb.SQL("(SELECT MIN(ends_at) FROM (SELECT ends_at FROM tokens WHERE user_id = users.id AND "), of(within("ends_at"), "tokens.appid"),
		sqldb.SQL(" UNION ALL SELECT theirs.ends_at FROM identities"+byUser+" CROSS JOIN identity_tokens AS theirs WHERE theirs.identity_id = identities.id AND identities.user_id = users.id AND "),
		of(within("theirs.ends_at"), "theirs.appid"), sqldb.SQL(") AS ends)"),
	)
	// The tokens of an account may all be of further identities, which take a lookup each
	// to be counted.
	sel.candidates = append(sel.candidates, candidateIndex{entries: union(append(entries, looked...)), people: "COUNT(DISTINCT user_id)", exact: appID == ""})
	return nil
}

// union combines queries by UNION ALL.
func union(queries []sqldb.Clause) (all sqldb.Clause) {
	for i, query := range queries {
		if i > 0 {
			all = all.Then(" UNION ALL ")
		}
		all = sqldb.Join(all, query)
	}
	return all
}

// EndingTokens counts the people whose token ends soon, as their list does.
func (l *Lists) EndingTokens(ctx context.Context) (admin.Total, error) {
	p, err := l.people(ctx, admin.UserQuery{Filter: admin.FilterTokenEnds})
	if err != nil {
		return admin.Total{}, err
	}
	return p.total, nil
}
