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
	"wxlogin/internal/wechat/wechatsim"
)

// clinic is an operator's machine with a simulated WeChat.
type clinic struct {
	*testing.T
	sim  *wechatsim.Simulator
	vars map[string]string
	dir  string
}

const (
	clinicSecret = "5ecre7-0f-the-account-nobody-sees"
	clinicKey    = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	verifyName   = "MP_verify_abcdefgh12345678.txt"
)

// newClinic has settings that are right, and no service yet.
func newClinic(t *testing.T) *clinic {
	t.Parallel()
	c := &clinic{T: t, dir: t.TempDir()}
	c.sim = wechatsim.New(wechatsim.Config{AppID: "wx0123456789abcdef", Secret: clinicSecret})
	wechat := httptest.NewServer(c.sim)
	t.Cleanup(wechat.Close)
	verify := filepath.Join(c.dir, verifyName)
	c.write(verify, "abcdefgh12345678", 0o644)
	c.vars = map[string]string{
		"WXLOGIN_PUBLIC_URL":      "http://" + deadAddress(t) + "/wx",
		"WXLOGIN_ADDR":            deadAddress(t),
		"WXLOGIN_APPID":           c.sim.AppID(),
		"WXLOGIN_APPSECRET":       clinicSecret,
		"WXLOGIN_KEYS":            clinicKey,
		"WXLOGIN_DATABASE_URL":    "sqlite:" + filepath.Join(c.dir, "wxlogin.db"),
		"WXLOGIN_VERIFY_FILE":     verify,
		"WXLOGIN_WECHAT_OPEN_URL": wechat.URL,
		"WXLOGIN_WECHAT_API_URL":  wechat.URL,
	}
	return c
}

// serves starts the service on the public URL.
func (c *clinic) serves() *clinic {
	c.Helper()
	listener := listen(c.T)
	c.vars["WXLOGIN_ADDR"] = listener.Addr().String()
	c.vars["WXLOGIN_PUBLIC_URL"] = "http://" + listener.Addr().String() + "/wx"
	ctx, stop := context.WithCancel(c.Context())
	done := make(chan error, 1)
	vars := maps.Clone(c.vars)
	go func() { done <- server.ServeOn(ctx, listener, vars) }()
	c.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			c.Errorf("service: %v", err)
		}
	})
	// The listener holds the request until the service takes it.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.vars["WXLOGIN_PUBLIC_URL"]+"/readyz", nil)
	if err != nil {
		c.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	res.Body.Close()
	return c
}

// visitorsMeet puts another handler at the public URL.
func (c *clinic) visitorsMeet(h http.Handler) string {
	c.Helper()
	front := httptest.NewServer(h)
	c.Cleanup(front.Close)
	c.vars["WXLOGIN_PUBLIC_URL"] = front.URL + "/wx"
	return front.URL
}

func (c *clinic) write(path, content string, mode os.FileMode) {
	c.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		c.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		c.Fatal(err)
	}
}

// report is what doctor printed.
type report struct {
	*testing.T
	text string
	code int
}

func (c *clinic) doctor(args ...string) report {
	c.Helper()
	text, code := server.Doctor(c.Context(), c.vars, args...)
	for _, secret := range []string{clinicSecret, strings.TrimPrefix(clinicKey, "k1:")} {
		if strings.Contains(text, secret) {
			c.Errorf("doctor prints a secret:\n%s", text)
		}
	}
	if failed := strings.Contains("\n"+text, "\nFAIL "); failed != (code == 1) {
		c.Errorf("exit code %d does not go with\n%s", code, text)
	}
	return report{c.T, text, code}
}

var lineStart = regexp.MustCompile(`(?m)^(?:ok|warn|FAIL|skip) `)

// wants asks for a line with this verdict and subject, and for words in it or
// in its advice.
func (r report) wants(verdict, subject string, words ...string) report {
	r.Helper()
	starts := append(lineStart.FindAllStringIndex(r.text, -1), []int{len(r.text), 0})
	var found []string
	for i, start := range starts[:len(starts)-1] {
		part := r.text[start[0]:starts[i+1][0]]
		if !strings.HasPrefix(strings.Join(strings.Fields(part), " "), verdict+" "+subject+" ") {
			continue
		}
		found = append(found, part)
		if (verdict == "FAIL" || verdict == "warn") && subject != "settings" && !strings.Contains(part, "→ ") {
			r.Errorf("no advice: %s", part)
		}
	}
	for _, part := range found {
		missing := ""
		for _, word := range words {
			if !strings.Contains(part, word) {
				missing = word
			}
		}
		if missing == "" {
			return r
		}
	}
	r.Errorf("no line %q about %q with %q in\n%s", verdict, subject, words, r.text)
	return r
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	listener.Close()
	return listener.Addr().String()
}
