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

	server "wxlogin/cmd/server"
	"wxlogin/internal/wechat/wechatsim"
)

// While the database is opened, here because another process migrates it, the
// service is alive and not ready, and visitors are asked to come again.
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
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/": 503, "/api/me": 503, "/verify": 503} {
		got := phone.ask(http.MethodGet, publicURL+path, nil)
		if got.status != want || want == 503 && path == "/readyz" && !strings.Contains(got.body, "migrated") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	lock.Close()
	p.stderr.wait(t, `"msg":"wxlogin is ready"`)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/api/me": 401} {
		if got := phone.ask(http.MethodGet, publicURL+path, nil); got.status != want {
			t.Errorf("%s: %d when it is ready", path, got.status)
		}
	}
	p.terminate()
	p.wantExit(0)
}

// Who stops the service before its database is open has it stopped, and reads of no
// fault.
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
