package main_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	server "wxlogin/cmd/server"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// Of a service that runs as it should, doctor has nothing to complain of.
func TestDoctorOfAHealthyService(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{})
	wechat := httptest.NewServer(sim)
	t.Cleanup(wechat.Close)
	listener := listen(t)
	verify := filepath.Join(t.TempDir(), "MP_verify_abcdefgh12345678.txt")
	if err := os.WriteFile(verify, []byte("abcdefgh12345678"), 0o644); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{
		"WXLOGIN_ADDR":            listener.Addr().String(),
		"WXLOGIN_PUBLIC_URL":      "http://" + listener.Addr().String() + "/wx",
		"WXLOGIN_APPID":           sim.AppID(),
		"WXLOGIN_APPSECRET":       sim.Secret(),
		"WXLOGIN_KEYS":            auth.NewKey(),
		"WXLOGIN_DATABASE_URL":    "sqlite:" + filepath.Join(t.TempDir(), "wxlogin.db"),
		"WXLOGIN_VERIFY_FILE":     verify,
		"WXLOGIN_WECHAT_OPEN_URL": wechat.URL,
		"WXLOGIN_WECHAT_API_URL":  wechat.URL,
	}
	serveOn(t, listener, vars)
	text, code := server.Doctor(t.Context(), vars)
	for _, subject := range []string{"settings", "domain", "keys", "database .* schema current", "proxies", "wechat", "clock", "account", "service", "public URL", "MP_verify"} {
		if !regexp.MustCompile(`(?m)^ok +` + subject).MatchString(text) {
			t.Errorf("doctor does not say that %s is ok", subject)
		}
	}
	if code != 0 || strings.Contains(text, "FAIL") || strings.Contains(text, "warn") || !strings.Contains(text, "only WeChat on a phone can tell") || strings.Contains(text, sim.Secret()) {
		t.Errorf("nothing is wrong, and doctor says, with exit code %d,\n%s", code, text)
	}
}

// serveOn runs the service on a listener until the test ends.
func serveOn(t *testing.T, listener net.Listener, vars map[string]string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.ServeOn(ctx, listener, maps.Clone(vars)) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("service: %v", err)
		}
	})
	// The listener holds the request until the service takes it.
	res, err := http.Get(vars["WXLOGIN_PUBLIC_URL"] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// The numbers can be given in three ways.
func TestDoctorExplains(t *testing.T) {
	for _, args := range [][]string{{"10003", "40164"}, {"--explain", "10003", "40164"}, {"--explain=10003,40164"}} {
		text, code := server.Doctor(t.Context(), nil, args...)
		if code != 0 || !strings.Contains(text, "网页授权域名") || !strings.Contains(text, "IP白名单") {
			t.Errorf("doctor %q: exit code %d\n%s", args, code, text)
		}
	}
	for _, unknown := range []string{"4242", "1000x", ""} {
		text, code := server.Doctor(t.Context(), nil, "10003", unknown)
		if code != 1 || !strings.Contains(text, "not in our list") {
			t.Errorf("doctor %q: exit code %d\n%s", unknown, code, text)
		}
	}
}
