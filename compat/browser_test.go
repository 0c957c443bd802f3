//go:build compat

package compat_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"wxlogin/compat/record"
	"wxlogin/internal/programs"
)

// oidc-client-ts in Chromium: a public client, whose page asks wxlogin across origins.
// A page of an origin that no client has is kept out by the browser.
func TestOIDCClientTS(t *testing.T) {
	program := programs.Find(t, "Debian: apt-get install chromium", "chromium")
	folder := npmProject(t, "testdata/oidc-client-ts")
	record.Of(t, record.Clients, "oidc-client-ts, in Chromium", moduleVersion(t, folder, "oidc-client-ts"), "a login and a refusal")("signs in across origins as a public client; prompt=none says login_required; another origin's page is kept out by the browser")
	s := startService(t)
	var settings struct {
		Authority string `json:"authority"`
		ID        string `json:"client_id"`
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /library.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(folder, "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"))
	})
	mux.HandleFunc("GET /settings", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(settings) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		// To the simulator, on the same host, this browser is lin's, who says yes.
		http.SetCookie(w, &http.Cookie{Name: "wechatsim_person", Value: "lin", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "wechatsim_consent", Value: "allow", Path: "/"})
		http.ServeFile(w, r, filepath.Join(folder, "index.html"))
	})
	site, stranger := serve(t, mux), serve(t, mux)
	if err := json.Unmarshal(s.client(t, "add", "Page", "--public", "--trusted", "--json", "--redirect-uri", site+"/"), &settings); err != nil {
		t.Fatal(err)
	}
	settings.Authority = s.issuer

	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.UserAgent(android()))...)
	defer stop()
	ctx, closeBrowser := chromedp.NewContext(ctx)
	defer closeBrowser()
	for _, c := range []struct{ address, want string }{
		{site + "/?prompt=none", "error login_required"},
		{site + "/", "user " + nickname},
		{site + "/?prompt=none", "user " + nickname}, // signed in by now
		{stranger + "/", "error Failed to fetch"},
	} {
		if got := titleOf(t, ctx, c.address); got != c.want {
			t.Errorf("%s: %q, want %q", c.address, got, c.want)
		}
	}
}

// serve answers until the test ends.
func serve(t *testing.T, handler http.Handler) (origin string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String()
}

// titleOf opens a page and waits until a page that it leads to says how it went.
func titleOf(t *testing.T, ctx context.Context, address string) (title string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < patience/3; time.Sleep(50 * time.Millisecond) {
		// Between two pages there is none to ask.
		title, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`document.title.match(/^(user|error) /) ? document.title : document.querySelector('a[href*="login?consent=1"]')?.click() ?? ''`))
		if title != "" {
			return title
		}
	}
	where, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + document.body.innerText`))
	return where
}
