package list

import (
	"wxlogin/internal/store/sqldb"
)

// The refresh_token of a person's first identity is in tokens, those of the further ones
// are in identity_tokens.

// tokenEnds has people in the order of their tokens' ends, from low to high: whoever is
// due next comes first, whatever order was asked for. Of several tokens the one that ends
// first within the segment counts; of an account, its own.
func (sel *selection) tokenEnds(d sqldb.Dialect, appID string) {
	sel.order = order{beside: "users", at: "tokens.ends_at", id: "users.id"}
	low := int64(0)
	if sel.low != nil {
		low = sel.low.At
	}
	// of adds to a condition that an identity is of the account.
	of := func(c sqldb.Clause, column string) sqldb.Clause {
		if appID == "" {
			return c
		}
		return c.Then(" AND "+column+" = $1", appID)
	}
	not := func(exists sqldb.Clause) sqldb.Clause {
		return sqldb.Join(sqldb.SQL("NOT EXISTS ("), exists, sqldb.SQL(")"))
	}
	always := sqldb.SQL("1 = 1")

	byUser := d.IndexedBy("identities_by_user")
	earlier := `SELECT 1 FROM identities AS theirs` + byUser + ` CROSS JOIN identity_tokens AS earlier
		WHERE earlier.identity_id = theirs.id AND earlier.ends_at >= $1 AND theirs.user_id = `
	first := stream{
		order: order{scanned: "tokens" + d.IndexedBy("tokens_by_end") + " CROSS JOIN users", link: "users.id = tokens.user_id", at: "tokens.ends_at", id: "tokens.user_id"},
		where: []sqldb.Clause{
			of(always, "users.appid"),
			not(of(sqldb.SQL(earlier+"tokens.user_id AND earlier.ends_at < tokens.ends_at", low), "theirs.appid")),
		},
	}
	further := stream{
		order: order{
			scanned: "identity_tokens" + d.IndexedBy("identity_tokens_by_end") + " CROSS JOIN identities CROSS JOIN users",
			link:    "identities.id = identity_tokens.identity_id AND users.id = identities.user_id",
			at:      "identity_tokens.ends_at", id: "identities.user_id", loose: true,
		},
		where: []sqldb.Clause{
			of(always, "identities.appid"),
			not(of(sqldb.SQL(`SELECT 1 FROM tokens AS earlier WHERE earlier.user_id = identities.user_id AND earlier.ends_at >= $1
				AND earlier.ends_at <= identity_tokens.ends_at`, low), "users.appid")),
			not(of(sqldb.SQL(earlier+`identities.user_id AND (earlier.ends_at, earlier.identity_id) < (identity_tokens.ends_at, identity_tokens.identity_id)`, low), "theirs.appid")),
		},
	}
	if appID != "" {
		first.byFew, first.few = "users"+d.IndexedBy("users_by_account")+" CROSS JOIN tokens", sqldb.SQL("SELECT 1 FROM users WHERE appid = $1", appID)
		further.byFew = "identities" + d.IndexedBy("identities_by_account") + " CROSS JOIN identity_tokens CROSS JOIN users"
		further.few = sqldb.SQL("SELECT 1 FROM identities WHERE appid = $1", appID)
	}
	sel.streams = []stream{first, further}

	within := func(column string) sqldb.Clause {
		return sqldb.SQL(column+" >= $1 AND "+column+" < $2", low, sel.high.At)
	}
	sel.gatherAt = sqldb.Join(
		sqldb.SQL("(SELECT MIN(ends_at) FROM (SELECT ends_at FROM tokens WHERE user_id = users.id AND "), of(within("ends_at"), "users.appid"),
		sqldb.SQL(" UNION ALL SELECT theirs.ends_at FROM identities"+byUser+" CROSS JOIN identity_tokens AS theirs WHERE theirs.identity_id = identities.id AND identities.user_id = users.id AND "),
		of(within("theirs.ends_at"), "identities.appid"), sqldb.SQL(") AS ends)"),
	)
	if appID != "" {
		return // who has tokens of it is counted by nobody
	}
	sel.candidates = append(sel.candidates, candidateIndex{
		entries: sqldb.Join(
			sqldb.SQL("SELECT user_id FROM tokens"+d.IndexedBy("tokens_by_end")+" WHERE "), within("ends_at"),
			sqldb.SQL(" UNION ALL SELECT identities.user_id FROM identity_tokens"+d.IndexedBy("identity_tokens_by_end")+" CROSS JOIN identities WHERE identities.id = identity_tokens.identity_id AND "),
			within("identity_tokens.ends_at"),
		),
		people: "COUNT(DISTINCT user_id)",
		exact:  true,
	})
}
