package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

func TestALockedDatabaseServesReadsAndRefusesWritesInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	user, token := w.visitor("o1")
	conn, err := w.at.raw.Conn(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(w.ctx, "BEGIN IMMEDIATE; UPDATE users SET nickname = 'not yet'"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	together(20, func(i int) {
		if i%2 == 0 {
			_, err := w.SaveLogin(ctx, w.login("o1", auth.ScopeBase))
			wantReason(t, err, auth.StoreDown)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not say that the context ended", err)
			}
			return
		}
		visit, err := w.Visit(w.ctx, auth.VisitorSession, token)
		if err != nil || visit.User.Nickname != "" {
			t.Errorf("%+v, %v", visit.User, err)
		}
	})
	if took := time.Since(began); took > notForEver {
		t.Errorf("took %v", took)
	}
	if err := w.Ready(w.ctx); err != nil {
		t.Errorf("reads go on, but: %v", err)
	}
	began = time.Now()
	err = w.impatient().DeleteSession(w.ctx, auth.VisitorSession, token) // no deadline of its own
	wantReason(t, err, auth.StoreDown)
	if errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took < shortBudget || took > notForEver {
		t.Errorf("gave up after %v", took)
	}
	w.wantSignedIn(token)
	if _, err := conn.ExecContext(w.ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.EndSessions(w.ctx, user.ID, w.event(admin.ActEndSessions, user.ID)); err != nil {
		t.Error(err)
	}
	w.wantSignedOut(token)
}

func TestReadyIsAboutTheDatabaseThatIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantReason(t, w.Ready(w.ctx), auth.StoreDown)
	_, err := w.Visit(w.ctx, auth.VisitorSession, auth.Hash("x"))
	wantReason(t, err, auth.StoreDown)
	_, err = w.ClaimLogin(w.ctx, pending(w.login("o1", auth.ScopeBase)))
	wantReason(t, err, auth.StoreDown)
}

func TestAMissingTableIsAFaultAndNobodySignedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	_, token := w.visitor("o1")
	w.exec("DROP TABLE sessions")
	_, err := w.Visit(w.ctx, auth.VisitorSession, token)
	wantReason(t, err, auth.StoreDown)
}

func TestNoTokenStandsInTheFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	session, link, state, code, refresh := auth.NewToken(), auth.NewToken(), auth.NewToken(), auth.NewToken(), auth.NewToken()
	save := w.login("o-to-be-found", auth.ScopeUserinfo)
	save.RefreshToken, save.Profile = refresh, &lin
	save.Login.StateHash, save.Login.CodeHash = auth.Hash(state), auth.Hash(code)
	save.Login.SessionHash, save.Session.TokenHash = auth.Hash(session), auth.Hash(session)
	w.signsIn(save)
	if err := w.AddAdminLink(w.ctx, admin.Link{TokenHash: auth.Hash(link), EndsAt: w.clock.now()}, w.event(admin.ActLinkMade, "")); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(w.at.url, "sqlite:")
	if err := store.Backup(w.ctx, w.at.url, path+".copy"); err != nil {
		t.Fatal(err)
	}
	var all []byte
	files, _ := filepath.Glob(path + "*")
	for _, file := range files {
		// The store is not used any more, so that its locks are no matter.
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if len(files) < 4 || !bytes.Contains(all, []byte("o-to-be-found")) {
		t.Fatalf("the search would find nothing in %v", files)
	}
	for name, token := range map[string]auth.Secret{"session": session, "link": link, "state": state, "code": code, "refresh": refresh} {
		raw, err := base64.RawURLEncoding.DecodeString(string(token))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(token), string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString([]byte(token)), base64.StdEncoding.EncodeToString(raw)} {
			if bytes.Contains(all, []byte(form)) {
				t.Errorf("the %s token is in the files", name)
			}
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	user, _ := w.visitor("o1")
	before := w.number("PRAGMA data_version")
	for range 3 {
		must(w.Users(w.ctx, admin.UserQuery{Search: "o1"}))(t)
		must(w.personalData(user.ID))(t)
		must(w.Counts(w.ctx, w.clock.now()))(t)
		if err := w.Ready(w.ctx); err != nil {
			t.Error(err)
		}
	}
	if after := w.number("PRAGMA data_version"); after != before {
		t.Error("a read has changed the database")
	}
}

// benchStore is a store on a disk, and the time of day.
func benchStore(b *testing.B) (*store.Store, *clock) {
	b.Helper()
	ring, err := auth.ParseKeys(auth.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "x.db"), Keys: ring, Migrations: migrations.FS})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	c := newClock()
	c.ms.Store(time.Now().UnixMilli())
	return s, c
}

func BenchmarkVisit(b *testing.B) {
	s, c := benchStore(b)
	save := (&world{clock: c}).login("o1", auth.ScopeBase)
	if _, err := s.SaveLogin(b.Context(), save); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Visit(b.Context(), auth.VisitorSession, save.Session.TokenHash); err != nil {
			b.Fatal(err)
		}
	}
}

// What the store takes of the logins of people who are new, and of one who is known.
func BenchmarkLogin(b *testing.B) {
	for name, who := range map[string]func(i int) string{
		"new":   func(i int) string { return fmt.Sprint("o", i) },
		"known": func(int) string { return "o1" },
	} {
		b.Run(name, func(b *testing.B) {
			s, c := benchStore(b)
			w := &world{clock: c}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				save := w.login(who(i), auth.ScopeBase)
				save.RefreshToken = "R"
				claimed, err := s.ClaimLogin(b.Context(), pending(save))
				if err != nil || !claimed {
					b.Fatal(claimed, err)
				}
				if _, err := s.SaveLogin(b.Context(), save); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
