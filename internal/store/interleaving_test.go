package store_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// All orders in which two transactions of ours, up to two acts of somebody else
// and our reads can meet, with a real database: whatever the order, the cache
// never answers what the database does not say.
//
// The gaps are where others can come between: behind our commit and before we
// look at the state it left, behind that look and before SQLite is asked whose
// the state is, and behind all of it.
func TestSessionCacheInEveryOrder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("sessions are cached where the log's index can be mapped")
	}
	r := newInterleaving(t)
	const gaps = 6 // three behind each of our two transactions
	for _, first := range r.own {
		for _, second := range r.own {
			for _, reads := range []readPattern{readNever, readFirst, readLast} {
				r.play(reads, [2]act{first, second}, nil)
				for a := range gaps {
					for _, x := range r.foreign {
						r.play(reads, [2]act{first, second}, map[int]act{a: x})
						for b := a + 1; b < gaps; b++ {
							for _, y := range r.foreign[:2] { // that change rows: after them something can be wrong
								r.play(reads, [2]act{first, second}, map[int]act{a: x, b: y})
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d orders", r.played)
	if hits, _ := r.w.SessionCacheStats(); hits < int64(r.played) {
		t.Errorf("the cache answered %d times in %d orders: nothing was tested", hits, r.played)
	}
}

type act struct {
	name string
	do   func(context.Context) error
}

// readPattern says when our process reads the sessions besides at the end of a
// transaction: a read is what fills the cache.
type readPattern int

const (
	readNever readPattern = iota
	readFirst             // in each gap, before somebody else acts
	readLast              // and after
)

type interleaving struct {
	t            *testing.T
	w            *world
	uncached     *store.Store
	foreign, own []act
	lin, wang    string // hashes of two sessions of two people
	inGap        func() // called in the gaps behind our commits
	played       int
}

func newInterleaving(t *testing.T) *interleaving {
	w := newWorld(t, sqliteEngine)
	r := &interleaving{t: t, w: w, uncached: w.another(), inGap: func() {}}
	w.Store = w.open(store.WithGap(w.config(w.keys), func() { r.inGap() }))
	r.uncached.CacheNoSessions()
	_, r.lin = w.visitor("lin")
	_, r.wang = w.visitor("wang")
	db := w.at.raw
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(w.ctx, `PRAGMA synchronous = OFF`); err != nil {
		t.Fatal(err)
	}
	exec := func(query string, args ...any) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, query, args...)
			return err
		}
	}
	r.foreign = []act{
		{"ends lin's session", exec(`UPDATE sessions SET ends_at = -ends_at WHERE token_hash = $1`, r.lin)},
		{"renames wang", exec(`UPDATE users SET login_count = login_count + 1 WHERE openid = 'wang'`)},
		{"commits nothing", exec(`UPDATE users SET city = city WHERE openid = 'nobody'`)},
		{"copies the log and starts it over", exec(`PRAGMA wal_checkpoint(TRUNCATE)`)},
	}
	r.own = []act{
		{"touches wang", func(ctx context.Context) error {
			w.clock.pass(time.Minute)
			return w.TouchSessions(ctx, []string{r.wang}, w.clock.now())
		}},
		{"changes nothing", func(ctx context.Context) error {
			return w.DeleteSession(ctx, auth.VisitorSession, "nobody's")
		}},
	}
	return r
}

// play begins with both sessions alive and cached, and wants them to be the
// database's whenever somebody asks.
func (r *interleaving) play(reads readPattern, ours [2]act, others map[int]act) {
	r.t.Helper()
	r.played++
	r.exec(`UPDATE sessions SET ends_at = ABS(ends_at)`)
	r.read() // compared they are when something has happened
	gap, looks := 0, 0
	act := func() {
		x, ok := others[gap]
		gap++
		if reads >= readFirst {
			r.read()
		}
		if ok {
			if err := x.do(r.w.ctx); err != nil {
				r.t.Fatalf("%s: %v", x.name, err)
			}
		}
		if reads >= readLast {
			r.read()
		}
	}
	r.inGap = func() {
		looks++
		act()
	}
	for i, own := range ours {
		if err := own.do(r.w.ctx); err != nil {
			r.t.Fatalf("%s: %v", own.name, err)
		}
		act()
		if reads == readNever && i == 0 {
			continue // to meet our second transaction with what is cached from before
		}
		r.compare("after " + own.name)
	}
	r.inGap = func() {}
	if looks != 4 {
		r.t.Fatalf("%d gaps were met in two commits", looks)
	}
	if r.t.Failed() {
		r.t.Fatalf("ours: %s, %s; others: %v; reads: %d", ours[0].name, ours[1].name, others, reads)
	}
}

func (r *interleaving) exec(query string) {
	r.t.Helper()
	if _, err := r.w.at.raw.ExecContext(r.w.ctx, query); err != nil {
		r.t.Fatal(err)
	}
}

func (r *interleaving) read() {
	for _, hash := range []string{r.lin, r.wang} {
		_, _ = r.w.Visit(r.w.ctx, auth.VisitorSession, hash)
	}
}

// compare reads twice: what has been read the first time may be cached by then.
func (r *interleaving) compare(when string) {
	r.t.Helper()
	for _, hash := range []string{r.lin, r.wang} {
		want, wantErr := r.uncached.Visit(r.w.ctx, auth.VisitorSession, hash)
		for range 2 {
			got, err := r.w.Visit(r.w.ctx, auth.VisitorSession, hash)
			if auth.ReasonOf(err) != auth.ReasonOf(wantErr) {
				r.t.Errorf("%s: %v, the database says %v", when, err, wantErr)
				continue
			}
			if err == nil && (got.User.LoginCount != want.User.LoginCount || !got.Session.LastSeenAt.Equal(want.Session.LastSeenAt)) {
				r.t.Errorf("%s: %+v, the database says %+v", when, got, want)
			}
		}
	}
}
