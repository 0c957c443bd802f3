package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// Desktops that wait for their phones do not keep a process from stopping in
// time: their streams are longer than a stopping process waits.
func TestSIGTERMEndsStreams(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{})
	wechat := httptest.NewServer(sim)
	defer wechat.Close()
	service, address := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"))
	desktop := newPhone(t, address, wechat.URL, "")
	events := regexp.MustCompile(`data-events="([^"]+)"`).FindStringSubmatch(desktop.ask(http.MethodGet, publicURL+"/scan", nil).body)
	if events == nil {
		t.Fatal("no stream on the page with the code")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, publicURL+events[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := desktop.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	service.terminate()
	body, err := io.ReadAll(stream.Body)
	if err != nil || string(body) != "retry: 1000\n\ndata: waiting\n\n" {
		t.Errorf("the stream: %q, %v", body, err)
	}
	service.wantExit(0)
}
