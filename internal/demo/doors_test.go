package demo_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/demo"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// The demonstration has something to show of every account: people of two doors, a pair
// that waits for an admin, and one that was joined.
func TestDemoHasSeveralDoors(t *testing.T) {
	t.Parallel()
	keys, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	db, err := store.Open(t.Context(), store.Config{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "db"), Keys: keys, Migrations: migrations.FS, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	defer db.Close()
	rules := auth.Rules{AppID: "wx0000000000000001", Accounts: []auth.Account{
		{Name: auth.MainAccount, Kind: auth.OfficialAccount, AppID: "wx0000000000000001", Group: "demo"},
		{Name: "pc", Kind: auth.WebsiteAccount, AppID: "wx0000000000000002", Group: "demo"},
		{Name: "mini", Kind: auth.MiniProgram, AppID: "wx0000000000000003", Group: "demo"},
	}}
	check(t, demo.Seed(t.Context(), db, rules))
	proposals, err := db.Proposals(t.Context(), 10)
	check(t, err)
	if len(proposals) != 1 {
		t.Errorf("%d proposals", len(proposals))
	}
	joins, err := db.Joins(t.Context(), 500)
	check(t, err)
	by := make(map[auth.Linked]int)
	of := make(map[string]int)
	for _, j := range joins {
		by[j.Linked]++
		of[j.AppID]++
	}
	if by[auth.LinkedByAdmin] != 1 || of["wx0000000000000002"] < 10 || of["wx0000000000000003"] < 10 {
		t.Errorf("joined %v, of %v", by, of)
	}
	n, err := db.CountUsers(t.Context(), admin.UserQuery{})
	check(t, err)
	check(t, demo.Seed(t.Context(), db, rules))
	if again, err := db.CountUsers(t.Context(), admin.UserQuery{}); err != nil || again != n {
		t.Errorf("%d people, then %d, %v", n, again, err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
