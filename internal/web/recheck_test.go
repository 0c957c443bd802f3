package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// Somebody else holds the phone by now: an old session becomes theirs.
func TestRecheckSwapsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: 24 * time.Hour})
	w.phone("wang").signsIn()
	phone := w.phone("lin")
	phone.signsIn()
	token := phone.cookie("wxlogin")

	phone.setCookie(w.simURL, wechatsim.CookiePerson, "wang")
	phone.opens("/").wantPage(http.StatusOK, "林小满") // not yet due
	w.clock.pass(25 * time.Hour)
	phone.opens("/").wantPage(http.StatusOK, w.person("wang").OpenID)
	phone.wantMe("wang")
	phone.setCookie(w.url, "wxlogin", token)
	phone.wantNobody()
}

// A session that is due opens nothing, whatever the route: a page goes to WeChat
// without a screen, or on a desktop to a new scan, and all else is answered as for
// nobody.
func TestRecheckOnAllRoutes(t *testing.T) {
	t.Parallel()
	for name, agent := range map[string]string{"phone": iPhone, "desktop": desktopWeb} {
		t.Run(name, func(t *testing.T) {
			sim := wechatsim.New(wechatsim.Config{})
			w := newWorld(t, options{recheck: 24 * time.Hour, sim: sim, admins: []string{openID(sim, "lin")}})
			wang := w.signedIn("wang")
			lin := w.signedIn("lin")
			lin.agent = agent
			lin.get("/admin").wantPage(http.StatusOK, "")
			lin.get("/verify").wantPage(http.StatusOK, "")
			linID, wangID := lin.me()["id"].(string), wang.me()["id"].(string)
			w.copied()
			w.clock.pass(25 * time.Hour)
			s := w.browser(desktopWeb).scans("/")
			nobody := w.browser(agent)
			exchanges := w.sim.Exchanges()
			for _, route := range w.routes() {
				method, pattern, _ := strings.Cut(route, " ")
				if strings.HasSuffix(pattern, "/logout") || pattern == "/oidc/logout/confirm" { // signs out whoever is there
					continue
				}
				for _, id := range []string{linID, wangID} {
					address := strings.NewReplacer("{id}", id, "{user}", id, "{session}", "none", "{ticket}", s.ticket, "{hash}", "none", "*", "none").Replace(pattern)
					ask := func(b *browser, accept string) *page {
						req := b.request(method, address, nil)
						if method != http.MethodGet {
							req = b.request(method, address, url.Values{"answer": {"confirm"}, "reason": {"x"}, "confirm": {id}})
						}
						req.Header.Set("Accept", accept)
						p, err := b.fetch(req)
						check(t, err)
						return p
					}
					for _, accept := range []string{"text/html", "application/json"} {
						got, want := ask(lin, accept), ask(nobody, accept)
						if strings.Contains(got.Body, w.person("lin").OpenID) || strings.Contains(got.Body, w.person("wang").OpenID) ||
							strings.Contains(got.Body, "林小满") || got.Header.Get("Remote-User") != "" {
							t.Errorf("%s shows somebody: status %d\n%s", route, got.Status, excerpt(got.Body))
						}
						switch isPage := method == http.MethodGet && accept == "text/html"; {
						case strings.HasPrefix(pattern, "/admin") && pattern != "/admin/link" && isPage:
							if got.Status != http.StatusFound {
								t.Errorf("%s: status %d, want the way to sign in", route, got.Status)
							}
						case method == http.MethodPost && pattern == "/scan/{ticket}":
							if got.Status != http.StatusUnauthorized {
								t.Errorf("%s: status %d", route, got.Status)
							}
						case got.Status != want.Status:
							t.Errorf("%s as %s: status %d, and %d for nobody", route, accept, got.Status, want.Status)
						}
						if got.Status == http.StatusUnauthorized && !strings.HasPrefix(pattern, "/oidc/") && strings.Contains(got.Header.Get("Content-Type"), "json") && !strings.Contains(got.Body, `"login_url"`) {
							t.Errorf("%s: no login_url in %s", route, got.Body)
						}
					}
				}
			}
			w.wantExchanges(exchanges)
			s.wantStatus("waiting")
			for path, way := range map[string]string{"/": "/", "/me": "/me", "/erase": "/erase", "/admin": "/admin", "/admin/users?q=x": "/admin/users?q=x"} {
				p, to := lin.get(path), "/login?return_to="
				if agent == desktopWeb {
					to = "/scan?return_to="
				}
				if path == "/" && agent == desktopWeb {
					p.wantPage(http.StatusOK, "/scan/qr.png")
					continue
				}
				if got := p.Header.Get("Location"); got != to+url.QueryEscape(way) {
					t.Errorf("%s leads to %q, want %q", path, got, to+way)
				}
			}
			lin.agent = iPhone // and nothing has ended, or changed, meanwhile
			lin.opens("/me").wantPage(http.StatusOK, "林小满")
			lin.opens("/admin").wantPage(http.StatusOK, "")
			wang.opens("/").wantPage(http.StatusOK, w.person("wang").OpenID)
		})
	}
}

// Whoever is there may sign this browser out, and not the person's others.
func TestRecheckAndSignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: 24 * time.Hour})
	phone, tablet := w.signedIn("lin"), w.signedIn("lin")
	w.clock.pass(25 * time.Hour)
	phone.post("/logout", url.Values{"scope": {"all"}}).wantPage(http.StatusUnauthorized, "")
	token := phone.cookie("wxlogin")
	phone.post("/logout", url.Values{}).wantRedirect("/")
	w.clock.pass(-25 * time.Hour)
	phone.setCookie(w.url, "wxlogin", token)
	phone.wantNobody()
	tablet.wantMe("lin")
}

// The person who holds the phone is nobody we know: they are asked, and the
// session of the one before has ended.
func TestRecheckFindsAStranger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: 24 * time.Hour})
	phone := w.phone("lin")
	phone.signsIn()
	w.clock.pass(25 * time.Hour)
	phone.setCookie(w.simURL, wechatsim.CookiePerson, "wang")
	if p := phone.opens("/"); p.URL.Path != "/consent" {
		t.Fatalf("a stranger came to %s", p.URL.Path)
	}
	phone.wantNobody()
}

// The same person sees nothing of it in any mode.
func TestRecheckDisturbsNobody(t *testing.T) {
	t.Parallel()
	for _, mode := range []auth.Mode{auth.ModeAuto, auth.ModeBase, auth.ModeUserinfo} {
		w := newWorld(t, options{recheck: 24 * time.Hour, mode: mode})
		phone := w.phone("lin")
		phone.opens("/login?consent=1").wantPage(http.StatusOK, "OpenID")
		for _, path := range []string{"/", "/me"} {
			w.clock.pass(25 * time.Hour)
			p := phone.opens(path).wantPage(http.StatusOK, w.person("lin").OpenID)
			if p.URL.Path != path || strings.Contains(strings.Join(p.Hops, " "), "snsapi_userinfo") {
				t.Errorf("%s: %s by %q", mode, p.URL.Path, p.Hops)
			}
			phone.wantMe("lin")
		}
	}
}

// A WeChat that is down keeps nobody out: when the trip has failed, the session
// counts for ten minutes, and then the trip is tried again.
func TestRecheckWhileWeChatIsDown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]wechatsim.Fault{
		"broken":   {Status: http.StatusBadGateway},
		"busy":     {Body: []byte(`{"errcode":-1,"errmsg":"system error"}`)},
		"refusing": {Body: []byte(`{"errcode":40164,"errmsg":"invalid ip"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{recheck: 24 * time.Hour})
			phone := w.phone("lin")
			phone.signsIn()
			w.clock.pass(25 * time.Hour)
			fault.Times = -1
			w.sim.Plan(wechatsim.Token, fault)
			phone.wantNobody() // nobody knows yet
			phone.opens("/").wantPage(http.StatusOK, "林小满")
			before := w.sim.Exchanges()
			phone.opens("/me").wantPage(http.StatusOK, "林小满")
			phone.get("/verify").wantPage(http.StatusOK, "")
			w.wantExchanges(before)
			w.clock.pass(11 * time.Minute)
			phone.setCookie(w.url, "wxlogin_checked", phone.cookie("wxlogin_checked")) // which has not run out for us
			phone.wantNobody()
		})
	}
}

// Nothing that somebody can bring about alone makes an old session count: to begin
// a trip, to make up the cookie or take another's, to send a made-up code, or
// to be somebody whom WeChat turns away.
func TestRecheckIsNotTalkedRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: 24 * time.Hour})
	phone, other := w.phone("lin"), w.phone("wang")
	phone.signsIn()
	other.signsIn()
	w.clock.pass(25 * time.Hour)
	phone.get("/login") // a trip has begun
	phone.wantNobody()

	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: 1, Status: http.StatusBadGateway})
	other.opens("/").wantPage(http.StatusOK, w.person("wang").OpenID)
	pass := other.cookie("wxlogin_checked")
	if pass == "" {
		t.Fatal("no pause")
	}
	other.wantMe("wang")
	until, mark, _ := strings.Cut(pass, ".")
	for _, value := range []string{"1", "", pass, "9" + until + "." + mark, until + ".", "9999999999.", "." + mark, flip(pass)} {
		phone.setCookie(w.url, "wxlogin_checked", value)
		phone.wantNobody()
		if p := phone.get("/verify"); p.Status != http.StatusUnauthorized {
			t.Errorf("%q passes /verify", value)
		}
	}
	for name, fault := range map[string]wechatsim.Fault{
		"code spent":     {Times: 1, Body: []byte(`{"errcode":40163,"errmsg":"code been used"}`)},
		"person limited": {Times: 1, Body: []byte(`{"errcode":50002,"errmsg":"user limited"}`)},
		"unheard of":     {Times: 1, Body: []byte(`{"errcode":99999,"errmsg":"?"}`)},
	} {
		w.sim.Plan(wechatsim.Token, fault)
		phone.get(phone.stops("/login", "/callback?"))
		if phone.me() != nil {
			t.Fatalf("%s: the old session counts", name)
		}
	}
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: 1, Status: http.StatusBadGateway})
	phone.get(with(t, phone.stops("/login", "/callback?"), "code", "../../<script>"))
	phone.wantNobody()
}

// Off unless the operator wants it.
func TestRecheckIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.clock.pass(300 * time.Hour)
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	w.wantExchanges(1)
}

// A browser let in by a link is nobody's phone.
func TestRecheckLeavesAdminLinksAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{recheck: time.Hour})
	b := w.admin()
	w.clock.pass(admin.SessionLifetime - time.Hour)
	b.get("/admin").wantPage(http.StatusOK, "")
}
