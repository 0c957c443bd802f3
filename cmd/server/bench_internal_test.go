package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
	"wxlogin/internal/telemetry"
	"wxlogin/internal/wechat/wechatsim"
	"wxlogin/migrations"
)

// What the two requests of every day cost in the program alone, with its counters
// and its log, without net/http around it:
//
//	go test -bench Signed -benchmem -run '^$' ./cmd/server
func BenchmarkSignedIn(b *testing.B) {
	handler, cookie := benchServer(b)
	phone, _ := wechatsim.PhoneNamed("iphone")
	for _, path := range []string{"/verify", "/"} {
		b.Run(path, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "127.0.0.1:40000"
			r.Header.Set("Cookie", cookie)
			phone.Opens(r.Header, "none")
			b.ReportAllocs()
			for b.Loop() {
				w := answer{header: make(http.Header)} // as net/http makes them
				handler.ServeHTTP(&w, r)
				if w.status != http.StatusOK {
					b.Fatalf("status %d", w.status)
				}
			}
		})
	}
}

// answer is one that nobody reads.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }

// benchServer is the service as serve puts it together, and the cookie of
// somebody who is signed in.
func benchServer(b *testing.B) (handler http.Handler, cookie string) {
	log := telemetry.NewLogs(io.Discard, "json", slog.LevelInfo)
	keys, err := auth.ParseKeys(auth.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	public, err := url.Parse("https://login.example.com")
	if err != nil {
		b.Fatal(err)
	}
	c := settings.Config{
		PublicURL: public, AppID: "wx1", Mode: auth.ModeAuto, Lang: "zh_CN",
		Idle: 720 * time.Hour, Lifetime: 4320 * time.Hour, MetricsAddr: "127.0.0.1:0",
	}
	db, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "x.db"), Keys: keys, Migrations: migrations.FS, Logger: log.Logger})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	token := string(auth.NewToken())
	now := time.Now()
	_, err = db.SaveLogin(b.Context(), auth.SaveLogin{
		Login: auth.Login{
			ID: auth.NewID(), AppID: c.AppID, StateHash: auth.Hash("state"), CodeHash: auth.Hash("code"), SessionHash: auth.Hash(token),
			Scope: auth.ScopeUserinfo, Outcome: auth.SignedIn, StartedAt: now, FinishedAt: now,
		},
		OpenID:  "o1",
		Scope:   auth.ScopeUserinfo,
		Profile: &auth.Profile{Nickname: "小明 🌻", Country: "中国"},
		Session: auth.Session{
			ID: auth.NewID(), TokenHash: auth.Hash(token), Kind: auth.VisitorSession,
			CreatedAt: now, LastSeenAt: now, EndsAt: now.Add(c.Lifetime),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	running, err := assemble(parts{
		config: c, keys: keys, db: db, logs: log, stopping: b.Context().Done(), ready: db.Ready,
		observers: telemetry.Observers{Metrics: telemetry.NewMetrics("")},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		running.close(context.Background())
		log.Flush()
	})
	return running.server, "__Host-wxlogin_0c6ca083=" + token // with the public URL's hash
}
