package main_test

import (
	"database/sql"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxlogin/compat/record"
)

// TestForwardAuth runs the recipes of examples/ as they are shipped, each in the real
// proxy, before a real service.
func TestForwardAuth(t *testing.T) {
	for _, recipe := range []string{"nginx", "caddy"} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			newProtectedSite(t, recipe).takes(t, append(thorough(), walk{"example applications", exampleApplications})...)
		})
	}
}

// TestForwardAuthOfNewer runs the recipes in programs that Debian has not, or not so
// new: make compat builds them.
func TestForwardAuthOfNewer(t *testing.T) {
	for _, recipe := range []string{"caddy", "traefik"} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(os.Getenv(builtVariable), recipe)
			if _, err := os.Stat(program); os.Getenv(builtVariable) == "" || err != nil {
				t.Skipf("no %s in %s: make compat builds it", recipe, builtVariable)
			}
			g := newProtectedSiteBy(t, recipe, program)
			g.name += " (newest)"
			g.passesTrailers, g.holdsRefusal = recipe == "caddy", recipe == "caddy"
			g.takes(t, append(thorough(), applications()...)...)
		})
	}
}

// TestForwardAuthOfHAProxy runs the recipe of HAProxy. It passes trailers on, which the
// guide says.
func TestForwardAuthOfHAProxy(t *testing.T) {
	g := newProtectedSite(t, "haproxy")
	g.passesTrailers = true
	g.takes(t, append(thorough(), applications()...)...)
}

// walk is what people do at a protected site.
type walk struct {
	name string
	run  func(*testing.T, *protectedSite)
}

// takes walks that every recipe has to stand, and more of them; what breaks wxlogin
// is the last.
func (g *protectedSite) takes(t *testing.T, more ...walk) {
	t.Helper()
	walks := slices.Concat([]walk{
		{"strangers", strangers},
		{"every phone", everyPhone},
		{"one login for all sites", oneLogin},
		{"the session's cookie", sessionStays},
		{"a desktop and a phone", desktopAndPhone},
		{"forged headers", forgedHeaders},
		{"names", names},
		{"two people at once", twoAtOnce},
	}, more, []walk{
		{"logout and block", logoutAndBlock},
		{"nobody is let in when wxlogin cannot tell", cannotTell},
	})
	for _, w := range walks {
		t.Run(w.name, func(t *testing.T) {
			g.sees = record.Of(t, record.FrontEnds, g.name, g.version, w.name)
			w.run(t, g)
		})
	}
}

// thorough walks are about how a proxy reads requests and answers.
func thorough() []walk {
	return []walk{
		{"trailers", trailers},
		{"smuggled requests", smuggledRequests},
		{"paths", paths},
		{"foreign hosts", foreignHosts},
		{"websocket", websocket},
		{"uploads", uploads},
		{"nobody is let in when somebody else answers", somebodyElse},
	}
}

// applications are the examples, which take seconds to build: with every proxy only
// where the outcome is written down.
func applications() []walk {
	if os.Getenv(record.FileVariable) == "" {
		return nil
	}
	return []walk{{"example applications", exampleApplications}}
}

// The example applications do what they are an example of.
// The application of examples/app greets its visitor by name, and the page of examples/spa
// finds out who is signed in.
func exampleApplications(t *testing.T, g *protectedSite) {
	binary := buildExampleApp(t)
	address := freeAddress(t)
	startExampleApp(t, binary, address)
	before := g.toApp.leadTo(address)
	defer g.toApp.leadTo(before)

	phone := g.phone(t, "lin")
	a := phone.signsIn(shop + "/")
	if a.status != http.StatusOK || !strings.Contains(a.body, "你好，<bdi>林小满</bdi>") || !strings.Contains(a.body, g.person(t, "lin").OpenID) {
		t.Errorf("the application shows %d:\n%s", a.status, a.body)
	}
	if !g.servesFiles {
		g.sees("the application does; it serves no files, so the single-page one is not in its recipe")
		return
	}

	stranger := g.phone(t, "lin")
	for _, file := range []string{"/spa/", "/spa/app.js"} {
		if a := stranger.gets(loginSite + file); a.status != http.StatusOK || !strings.Contains(a.body, "wxlogin") {
			t.Errorf("%s: %d\n%s", file, a.status, a.body)
		}
	}
	a = stranger.asks(http.MethodGet, loginSite+"/api/me", "", "Accept: application/json", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin")
	a.refused()
	var problem struct {
		LoginURL string `json:"login_url"`
	}
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatal(err)
	}
	back := loginSite + "/spa/?a=1"
	if a := stranger.opens(strings.Replace(problem.LoginURL, "return_to=%2F", "return_to="+url.QueryEscape(back), 1)); a.url.String() != back {
		t.Errorf("the single-page application's login ends at %s", a.url)
	}
}

// A proxy that cannot ask lets nobody in.
func cannotTell(t *testing.T, g *protectedSite) {
	phone := g.phone(t, "lin")
	phone.signsIn(shop + "/")
	shut := func(why string) {
		t.Helper()
		g.toApp.heard()
		for _, v := range []*visitor{phone, g.phone(t, "lin")} {
			if a := v.gets(shop + "/"); a.status/100 != 5 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d\n%s", why, a.status, a.body)
			}
		}
		if heard := g.toApp.heard(); heard != "" {
			t.Errorf("%s: the application heard\n%s", why, heard)
		}
	}
	open := func(when string) {
		t.Helper()
		if a := phone.gets(shop + "/"); a.status != http.StatusOK {
			t.Errorf("%s: %d\n%s", when, a.status, a.body)
		}
	}

	db, err := sql.Open("sqlite", "file:"+g.database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("sessions", "sessions_gone")
	phoneOnly := phone.gets(shop + "/")
	if phoneOnly.status/100 != 5 || phoneOnly.header.Get("Set-Cookie") != "" {
		t.Errorf("a database that does not answer: %d\n%s", phoneOnly.status, phoneOnly.body)
	}
	rename("sessions_gone", "sessions")
	open("with the database back")

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	service := g.toService.leadTo(silent.Addr().String())
	shut("a service that hangs")
	g.toService.leadTo(service)
	open("with the service going on")

	g.service.terminate()
	g.service.wantExit(0)
	shut("no service")
	g.startService(t)
	open("with the service back")
}
