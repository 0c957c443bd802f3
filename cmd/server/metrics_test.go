package main_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// allKinds has everything happen once that metrics tell of.
func (m *monitored) allKinds() {
	m.t.Helper()
	lin := m.phone("lin")
	lin.signsIn(publicURL) // a base trip that knows nobody, and one for the profile
	m.signsInDesktop(lin)
	lin.ask(http.MethodGet, publicURL+"/verify", nil)

	wang := m.phone("wang")
	callback := wang.follow(publicURL+"/login?return_to=/", "/callback").location
	wang.ask(http.MethodGet, callback, nil)
	wang.ask(http.MethodGet, callback, nil)                                      // again
	wang.ask(http.MethodGet, publicURL+"/callback?state="+wang.begins(), nil)    // cancelled
	wang.ask(http.MethodGet, publicURL+"/callback?code=x&state="+someState, nil) // of no trip
	wang.begins()                                                                // left
	wang.ask(http.MethodHead, publicURL+"/login", nil)                           // a monitor

	m.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 40125})
	wang.follow(publicURL+"/login?return_to=/", "")
	m.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: 987654})
	wang.follow(publicURL+"/login?return_to=/", "")
	m.sim.Plan(wechatsim.Token, wechatsim.Fault{Snapshot: true})
	wang.follow(publicURL+"/login?return_to=/", "")
	lin.ask("BREW", publicURL+"/", nil)
}

const someState = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// What people do shows in the counters, each thing once.
func TestMetrics(t *testing.T) {
	m := newMonitored(t)
	at := func(from scraped, want float64, name string, labels ...string) {
		t.Helper()
		if got := from.value(name, labels...); got != want {
			t.Errorf("%s%q is %v, want %v", name, labels, got, want)
		}
	}
	begun := m.scrape()
	for _, scope := range []string{"snsapi_base", "snsapi_userinfo", "scan"} {
		at(begun, 0, "wxlogin_logins_total", "scope", scope, "outcome", "signed_in")
	}
	at(begun, 0, "wxlogin_snapshot_visitors_total")
	at(begun, 0, "wxlogin_wechat_calls_total", "endpoint", "token")

	m.allKinds()
	now := m.scrape()
	at(now, 7, "wxlogin_login_starts_total", "scope", "snsapi_base", "browser", "wechat")
	at(now, 1, "wxlogin_login_starts_total", "scope", "snsapi_userinfo", "browser", "wechat")
	at(now, 0, "wxlogin_login_starts_total", "browser", "other")
	at(now, 6, "wxlogin_login_callbacks_total", "result", "first")
	at(now, 1, "wxlogin_login_callbacks_total", "result", "again")
	at(now, 1, "wxlogin_login_callbacks_total", "result", "cancelled")
	at(now, 1, "wxlogin_login_callbacks_total", "result", "state_mismatch")
	at(now, 1, "wxlogin_logins_total", "scope", "snsapi_userinfo", "outcome", "signed_in", "step", "")
	at(now, 2, "wxlogin_logins_total", "scope", "snsapi_base", "outcome", "unknown")
	at(now, 1, "wxlogin_logins_total", "scope", "scan", "outcome", "signed_in")
	at(now, 1, "wxlogin_logins_total", "outcome", "failed", "reason", "wechat_refused", "step", "code")
	at(now, 1, "wxlogin_logins_total", "outcome", "failed", "reason", "snapshot", "step", "person")
	at(now, 6, "wxlogin_login_duration_seconds")
	at(now, 1, "wxlogin_snapshot_visitors_total")
	at(now, 1, "wxlogin_wechat_calls_total", "endpoint", "token", "errcode", "40125", "reason", "wechat_refused")
	at(now, 1, "wxlogin_wechat_calls_total", "endpoint", "token", "errcode", "other")
	at(now, 1, "wxlogin_wechat_calls_total", "endpoint", "userinfo", "errcode", "0", "reason", "")
	at(now, 1, "wxlogin_http_requests_total", "route", "/verify", "status", "200")
	at(now, 1, "wxlogin_http_requests_total", "method", "other")
	at(now, -1, "wxlogin_http_request_duration_seconds", "route", "/scan/events")
	at(now, 1, "wxlogin_ready")
	at(now, 1, "wxlogin_build_info")
	at(now, 1, "go_sql_max_open_connections", "db_name", "writer")
	for _, kind := range []string{"visitor", "desk"} {
		if now.value("wxlogin_sessions", "kind", kind) < 0 {
			t.Errorf("nothing is said of sessions of the kind %s", kind)
		}
	}
	// The stream has ended by itself once its answer was given; its gauge follows.
	for deadline := time.Now().Add(patience); m.scrape().value("wxlogin_scan_streams") != 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a stream that has ended is still counted")
		}
	}
	at(m.scrape(), 1, "wxlogin_http_requests_total", "route", "/scan/events")
}

// docs/metrics.md lists every metric of ours with its type and its labels, and no
// other.
func TestMetricsAreDocumented(t *testing.T) {
	m := newMonitored(t)
	m.allKinds()
	now := m.scrape()
	type row struct{ kind, labels string }
	documented := make(map[string]row)
	line := regexp.MustCompile("(?m)^\\| `((?:wxlogin|go_sql)_\\w+)` \\| (\\w+) \\|([^|]*)\\|")
	code := regexp.MustCompile("`(\\w+)`")
	for _, found := range line.FindAllStringSubmatch(readFile(t, "../../docs/metrics.md"), -1) {
		var labels []string
		for _, label := range code.FindAllStringSubmatch(found[3], -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		documented[found[1]] = row{found[2], strings.Join(labels, " ")}
	}
	for name, family := range now {
		if !strings.HasPrefix(name, "wxlogin_") && !strings.HasPrefix(name, "go_sql_") {
			continue // of the Go runtime and the process
		}
		real := row{strings.ToLower(family.GetType().String()), strings.Join(now.labels(name), " ")}
		if got, ok := documented[name]; !ok || got != real {
			t.Errorf("%s is a %s with the labels %q; docs/metrics.md has %+v", name, real.kind, real.labels, got)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/metrics.md lists %s, which is not there", name)
	}
}
