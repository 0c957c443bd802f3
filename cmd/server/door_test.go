//go:build unix

package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	server "wxlogin/cmd/server"
	"wxlogin/internal/wechat/wechatsim"
)

// While the database is opened, here because another process migrates it, the
// service is alive and not ready, and visitors wait for it.
func TestItAnswersWhileTheDatabaseIsOpened(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{})
	database := filepath.Join(t.TempDir(), "wxlogin.db")
	lock := must(os.OpenFile(database+".lock", os.O_CREATE|os.O_RDWR, 0o600))
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	wechat := httptest.NewServer(sim)
	defer wechat.Close()
	p := start(t, []string{
		"WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_DATABASE_URL=sqlite:" + database,
		"WXLOGIN_APPID=" + sim.AppID(), "WXLOGIN_APPSECRET=" + sim.Secret(),
		"WXLOGIN_WECHAT_OPEN_URL=" + wechat.URL, "WXLOGIN_WECHAT_API_URL=" + wechat.URL,
	})
	var listening struct{ Address string }
	if err := json.Unmarshal([]byte(p.stderr.wait(t, `"msg":"listening`)), &listening); err != nil {
		t.Fatal(err)
	}
	phone := newPhone(t, listening.Address, "", "")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		got := phone.ask(http.MethodGet, publicURL+path, nil)
		if got.status != want || want == 503 && !strings.Contains(got.body, "migrated") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	lock.Close()
	// Whoever comes before it is ready waits for it, and notices nothing.
	for path, want := range map[string]int{"/api/me": 401, "/healthz": 200, "/readyz": 200} {
		if path == "/readyz" {
			p.stderr.wait(t, `"msg":"wxlogin is ready"`)
		}
		if got := phone.ask(http.MethodGet, publicURL+path, nil); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	p.terminate()
	p.wantExit(0)
}

// Visitors wait for eight seconds at most before they are asked to come again, and are
// let in as soon as there is a service; who looks after the process waits for nothing.
func TestTheDoorBeforeThereIsAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := server.NewDoor()
		ask := func(path string) (status int, after time.Duration) {
			began, answer := time.Now(), httptest.NewRecorder()
			door.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return answer.Code, time.Since(began)
		}
		for _, test := range []struct {
			path   string
			status int
			after  time.Duration
		}{{"/healthz", 200, 0}, {"/readyz", 503, 0}, {"/", 503, 8 * time.Second}, {"/api/me", 503, 8 * time.Second}, {"/verify", 503, 8 * time.Second}} {
			if status, after := ask(test.path); status != test.status || after != test.after {
				t.Errorf("%s: %d after %v, want %d after %v", test.path, status, after, test.status, test.after)
			}
		}
		time.AfterFunc(3*time.Second, func() { server.OpenDoor(door, http.NotFoundHandler()) })
		if status, after := ask("/"); status != 404 || after != 3*time.Second {
			t.Errorf("who waited: %d after %v", status, after)
		}
	})
}

// A service that is stopped before its database is open stops, and reports no error.
func TestStopBeforeReady(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	listener := listen(t)
	vars := map[string]string{
		"WXLOGIN_ADDR": listener.Addr().String(), "WXLOGIN_PUBLIC_URL": publicURL, "WXLOGIN_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "wxlogin.db"),
		"WXLOGIN_APPID": "wx0123456789abcdef", "WXLOGIN_APPSECRET": "0123456789abcdef0123456789abcdef",
	}
	if err := server.ServeOn(ctx, listener, vars); err != nil {
		t.Errorf("stopped before it was ready: %v", err)
	}
}
