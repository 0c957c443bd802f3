package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// What lists of one account cost, where each of a million people (of 200,000 on
// PostgreSQL) has come by two:
//
//	go test -bench Accounts -benchtime 20x -timeout 3h -run '^$' ./internal/store
//
// WXLOGIN_BENCH_SQLITE and WXLOGIN_BENCH_POSTGRES as with BenchmarkAdmin.
func BenchmarkAccounts(b *testing.B) {
	for _, e := range []struct {
		name string
		n    int
		make func(b *testing.B, n int) (url string, raw *sql.DB)
	}{{"sqlite", 1_000_000, benchSQLite}, {"postgres", 200_000, benchPostgres}} {
		b.Run(e.name, func(b *testing.B) {
			url, raw := e.make(b, e.n)
			benchAccounts(b, url, raw, e.n)
		})
	}
}

func benchAccounts(b *testing.B, url string, raw *sql.DB, n int) {
	now := newClock().now()
	s, err := store.Open(b.Context(), store.Config{URL: url, Keys: auth.Keyring{{ID: "k1"}}, Migrations: migrations.FS, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var people, further int
	if err := raw.QueryRow("SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM identities)").Scan(&people, &further); err != nil {
		b.Fatal(err)
	}
	if people == 0 {
		fill(b, b.Context(), raw, n, now)
	}
	if further == 0 {
		fillFurther(b, b.Context(), raw, n)
		if strings.HasPrefix(url, "postgres") {
			if _, err := raw.Exec("VACUUM ANALYZE"); err != nil { // as autovacuum does by and by
				b.Fatal(err)
			}
		}
	}
	for account, appID := range map[string]string{"main": appID, "most": "wxmost", "of late": "wxlate", "of old": "wxold", "few": "wxfew", "nobody": "wxnobody", "any": ""} {
		for _, filter := range admin.Filters {
			for _, sort := range admin.Sorts {
				for what, q := range map[string]admin.UserQuery{"all": {}, "search=王": {Search: "王"}, "search=欧奇": {Search: "欧奇"}, "first=year ago": {First: admin.Span{From: now.AddDate(0, 0, -460), To: now.AddDate(-1, 0, 0)}}} {
					if filter.ByTokenEnd() && (sort != admin.SortNewest || q.Narrowed()) {
						continue
					}
					q.AppID, q.Filter, q.Sort, q.Total = appID, filter, sort, true
					b.Run(fmt.Sprintf("account=%s/filter=%s/sort=%s/%s", account, cmp.Or(filter, "none"), sort, what), func(b *testing.B) {
						quantiles(b, func() error {
							_, err := s.Users(b.Context(), q)
							return err
						})
					})
				}
			}
		}
	}
	b.Run("proposals", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.FindProposals(b.Context(), [][]string{{appID, "wxmost", fmt.Sprint("wx", b.N)}}, now); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fillFurther gives everybody a second identity: most of one account, others of a new one,
// of an old one, and of a small one. For most, WeChat has said whether they follow the
// account.
func fillFurther(b *testing.B, ctx context.Context, raw *sql.DB, n int) {
	rows, err := raw.QueryContext(ctx, "SELECT id, unionid, first_login_at, last_login_at FROM users ORDER BY first_login_at")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	random := rand.New(rand.NewPCG(5, 6))
	var identities, tokens, followers [][]any
	for rows.Next() {
		var id string
		var unionID sql.Null[string]
		var first, last int64
		if err := rows.Scan(&id, &unionID, &first, &last); err != nil {
			b.Fatal(err)
		}
		i, account := len(identities), "wxmost"
		switch {
		case i%3333 == 0:
			account = "wxfew"
		case i < n/4 && random.IntN(10) == 0:
			account = "wxold"
		case i > n*3/4 && random.IntN(5) < 2:
			account = "wxlate"
		}
		further := uuid7(first+1, random)
		identities = append(identities, []any{further, id, account, fmt.Sprintf("p%027d", i), unionID, "snsapi_userinfo", first, last, 2, "unionid", first})
		if told := random.IntN(10); account == "wxmost" && told > 0 {
			followers = append(followers, []any{id, further, int64(min(told/4, 1)), "", last})
		}
		if account != "wxlate" {
			tokens = append(tokens, []any{further, "snsapi_userinfo", "sealed", "k1", last, last + (30 * 24 * time.Hour).Milliseconds()})
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	put(b, ctx, raw, "identities", "id,user_id,appid,openid,unionid,scope,first_login_at,last_login_at,login_count,linked,linked_at", len(identities), func(i int) []any { return identities[i] })
	put(b, ctx, raw, "identity_tokens", "identity_id,scope,refresh_token,kid,issued_at,ends_at", len(tokens), func(i int) []any { return tokens[i] })
	put(b, ctx, raw, "followers", "user_id,identity_id,follows,scene,checked_at", len(followers), func(i int) []any { return followers[i] })
}
