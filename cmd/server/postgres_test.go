package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	server "wxlogin/cmd/server"
	"wxlogin/internal/auth"
	"wxlogin/internal/programs"
	"wxlogin/internal/store/pgtest"
	"wxlogin/internal/wechat/wechatsim"
)

// replicas are processes on one database, behind a proxy.
type replicas struct {
	t         *testing.T
	sim       *wechatsim.Simulator
	wechat    string
	variables []string
	mu        sync.Mutex
	running   []*process
	addresses []string
	turn      atomic.Int64
	proxy     string // its address
}

func newReplicas(t *testing.T, n int, variables ...string) *replicas {
	t.Helper()
	r := &replicas{t: t, sim: wechatsim.New(wechatsim.Config{}), variables: variables}
	wechat := httptest.NewServer(r.sim)
	t.Cleanup(wechat.Close)
	r.wechat = wechat.URL
	for range n {
		p, address := r.start()
		r.running, r.addresses = append(r.running, p), append(r.addresses, address)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "replicas", p.In.Host
		},
		Transport: r,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	})
	t.Cleanup(proxy.Close)
	r.proxy = proxy.Listener.Addr().String()
	return r
}

func (r *replicas) start() (*process, string) {
	return startService(r.t, r.sim, r.wechat, "", r.variables...)
}

// RoundTrip takes replicas in turn and passes over one that does not answer, as
// proxies do. It goes round twice: the place of a replica that was found ended
// may have been given to another while the next one was asked, which by then is
// ended too.
func (r *replicas) RoundTrip(req *http.Request) (res *http.Response, err error) {
	turn := int(r.turn.Add(1))
	for i := range 2 * len(r.addresses) {
		r.mu.Lock()
		address := r.addresses[(turn+i)%len(r.addresses)]
		r.mu.Unlock()
		req.URL.Host = address
		var failed error
		if res, failed = http.DefaultTransport.RoundTrip(req); failed == nil {
			return res, nil
		}
		err = errors.Join(err, failed)
	}
	return nil, err
}

// restart ends a replica in an orderly way and starts another in its place.
func (r *replicas) restart(i int) {
	r.t.Helper()
	r.running[i].terminate()
	r.running[i].wantExit(0)
	p, address := r.start()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[i], r.addresses[i] = p, address
}

func onPostgres(url string) []string {
	return []string{"WXLOGIN_DATABASE_URL=" + url, "WXLOGIN_KEYS=" + auth.NewKey()}
}

// A rolling restart of two replicas: no visit fails, a login begun before it ends
// after it, and everybody stays signed in.
func TestRollingRestartOnPostgres(t *testing.T) {
	programs.Wanted(t) // make test has the store's own tests on PostgreSQL
	db := pgtest.New(t)
	r := newReplicas(t, 2, onPostgres(db.TCP(db.Database(t)))...)
	lin := newPhone(t, r.proxy, r.wechat, "lin")
	if page := lin.signsIn(publicURL); page.status != http.StatusOK {
		t.Fatalf("%d\n%s", page.status, page.body)
	}
	wang := newPhone(t, r.proxy, r.wechat, "wang")
	callback := begins(wang)

	ctx, stop := context.WithCancel(t.Context())
	var visits atomic.Int64
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			for ctx.Err() == nil {
				page, err := lin.try(http.MethodGet, publicURL+"/api/me", nil)
				if err == nil && page.status != http.StatusOK {
					err = fmt.Errorf("status %d: %s", page.status, page.body)
				}
				if err != nil {
					done <- err
					return
				}
				visits.Add(1)
			}
			done <- nil
		}()
	}
	r.restart(0)
	r.restart(1)
	stop()
	for range cap(done) {
		if err := <-done; err != nil {
			t.Errorf("a visit failed: %v", err)
		}
	}
	if visits.Load() < 20 {
		t.Errorf("%d visits only", visits.Load())
	}
	wantEnds(wang, callback, "王")
}

// The service moves from SQLite to PostgreSQL: everybody stays signed in, and
// doctor is content.
func TestMigrateData(t *testing.T) {
	programs.Wanted(t) // make test has the store's own tests on PostgreSQL
	db := pgtest.New(t)
	sim := wechatsim.New(wechatsim.Config{})
	wechat := httptest.NewServer(sim)
	defer wechat.Close()
	path := filepath.Join(t.TempDir(), "wxlogin.db")
	service, address := startService(t, sim, wechat.URL, path)
	lin := newPhone(t, address, wechat.URL, "lin")
	lin.signsIn(publicURL)
	service.terminate()
	service.wantExit(0)

	const password = "NobodyMaySeeThis"
	url := strings.Replace(db.TCP(db.Database(t)), "wxlogin@", "wxlogin:"+password+"@", 1)
	for _, rows := range []string{"1 new", "0 new"} {
		move := runs(t, []string{"WXLOGIN_DATABASE_URL=" + url}, "migrate-data", "--from", "sqlite:"+path)
		move.wantExit(0)
		if said := strings.Join(strings.Fields(move.stdout.text()), " "); !strings.Contains(said, "users 1 rows, "+rows) ||
			!strings.Contains(said, "open 1 stored tokens") || !strings.Contains(said, path+".keys") {
			t.Errorf("migrate-data says\n%s", said)
		}
	}
	keys := strings.TrimSpace(string(must(os.ReadFile(path + ".keys"))))
	service, address = startService(t, sim, wechat.URL, "", "WXLOGIN_DATABASE_URL="+url, "WXLOGIN_KEYS="+keys)
	lin.Transport = &http.Transport{DialContext: dial(address)}
	if page := lin.ask(http.MethodGet, publicURL+"/", nil); page.status != http.StatusOK || !strings.Contains(page.body, "林小满") {
		t.Errorf("after the move: %d\n%s", page.status, page.body)
	}
	newPhone(t, address, wechat.URL, "wang").signsIn(publicURL)

	// Over a database that has gone on, nothing is copied.
	again := runs(t, []string{"WXLOGIN_DATABASE_URL=" + url}, "migrate-data", "--from", "sqlite:"+path)
	again.wantExit(1)
	if said := again.stderr.text(); !strings.Contains(said, "empty database") || strings.Contains(said, password) {
		t.Errorf("migrate-data says %s", said)
	}
	vars := map[string]string{"WXLOGIN_PUBLIC_URL": publicURL, "WXLOGIN_APPID": sim.AppID(), "WXLOGIN_APPSECRET": sim.Secret(), "WXLOGIN_DATABASE_URL": url, "WXLOGIN_KEYS": keys}
	if text, _ := server.Doctor(t.Context(), vars, "--offline"); !strings.Contains(text, "PostgreSQL ") || !strings.Contains(text, "schema current") {
		t.Errorf("doctor says\n%s", text)
	}
	db.Stop()
	text, code := server.Doctor(t.Context(), vars, "--offline")
	if code != 1 || !strings.Contains(text, "cannot be reached") || !strings.Contains(text, "docs/postgres.md") || strings.Contains(text, password) {
		t.Errorf("doctor says, code %d\n%s", code, text)
	}
	backup := runs(t, []string{"WXLOGIN_DATABASE_URL=" + url, "WXLOGIN_KEYS=" + keys}, "backup", "copy.db")
	backup.wantExit(1)
	if said := backup.stderr.text(); !strings.Contains(said, "pg_dump") || strings.Contains(said, password) {
		t.Errorf("backup says %s", said)
	}
	if log := service.stderr.text(); strings.Contains(log, password) {
		t.Error("the log shows the password")
	}
}
