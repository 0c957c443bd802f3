package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
)

// Two instances on one host, as browsers see a host: whatever the port, it has one
// jar of cookies. Neither signs the other's people out, nor ends what the other has
// begun.
func TestTwoInstancesOnOneHost(t *testing.T) {
	t.Parallel()
	one, other := newWorld(t, options{}), newWorld(t, options{})
	phone := one.phone("lin")
	phone.signsIn()
	token := phone.cookie("wxlogin")
	callback := phone.stops("/login?return_to=%2Fpage", one.url+"/callback")
	there := &browser{w: other, client: phone.client, agent: phone.agent}
	there.signsIn()
	there.post("/logout", nil).wantRedirect("/")
	there.get("/").wantPage(http.StatusOK, "已退出登录")

	if phone.cookie("wxlogin") != token {
		t.Fatal("the other instance has taken the session's cookie")
	}
	phone.wantMe("lin")
	phone.get("/").wantPage(http.StatusOK, "OpenID") // not the other's "signed out"
	phone.get(callback).wantRedirect("/page")
	phone.wantMe("lin")
}

// An upgrade from a version whose cookies had no tag signs nobody out, and a login
// that began before it comes to its end.
func TestUpgradeOfCookieNames(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/me", "/", "/me", "/verify"} {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		phone.makesOld("wxlogin")
		if p := phone.get(path); p.Status != http.StatusOK {
			t.Errorf("%s: status %d", path, p.Status)
		}
		if phone.cookie("wxlogin") == "" || phone.raw("wxlogin") != "" {
			t.Errorf("%s: the old cookie has not been replaced: %v", path, phone.names())
		}
		phone.wantMe("lin")
	}
	t.Run("signing out", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.signsIn()
		token := phone.makesOld("wxlogin")
		phone.post("/logout", nil).wantRedirect("/")
		if phone.cookie("wxlogin") != "" || phone.raw("wxlogin") != "" {
			t.Errorf("cookies remain: %v", phone.names())
		}
		phone.setRaw("wxlogin", token)
		phone.wantNobody()
	})
	t.Run("somebody else's", func(t *testing.T) {
		w := newWorld(t, options{})
		phone := w.phone("lin")
		phone.setRaw("wxlogin", "another instance's")
		phone.setRaw("wxlogin_flow_0123456789", "another instance's")
		phone.signsIn()
		phone.post("/logout", nil)
		if phone.raw("wxlogin") == "" || phone.raw("wxlogin_flow_0123456789") == "" {
			t.Errorf("another instance's cookies are gone: %v", phone.names())
		}
	})
	t.Run("admin", func(t *testing.T) {
		w := newWorld(t, options{})
		linked := w.browser(desktopWeb)
		token, _, err := w.admins.NewLink(t.Context(), admin.CommandLine())
		check(t, err)
		linked.post("/admin/link", url.Values{"token": {string(token)}})
		linked.makesOld("wxlogin_desk")
		linked.get("/admin").wantPage(http.StatusOK, "")
		if linked.cookie("wxlogin_desk") == "" || linked.raw("wxlogin_desk") != "" {
			t.Errorf("the old cookie has not been replaced: %v", linked.names())
		}
	})
}

// makesOld gives a cookie the name that it had, and returns its value.
func (b *browser) makesOld(name string) (value string) {
	b.w.t.Helper()
	if value = b.cookie(name); value == "" {
		b.w.t.Fatalf("no cookie %s", name)
	}
	b.client.Jar.SetCookies(b.home(), []*http.Cookie{{Name: b.w.cookieName(name), Path: "/", MaxAge: -1}})
	b.setRaw(name, value)
	return value
}

func (b *browser) home() *url.URL {
	u, err := url.Parse(b.w.url)
	check(b.w.t, err)
	return u
}

// setRaw plants a cookie of exactly this name.
func (b *browser) setRaw(name, value string) {
	b.client.Jar.SetCookies(b.home(), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (b *browser) raw(name string) string {
	for _, cookie := range b.client.Jar.Cookies(b.home()) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) names() string {
	var names []string
	for _, cookie := range b.client.Jar.Cookies(b.home()) {
		names = append(names, cookie.Name)
	}
	return strings.Join(names, ", ")
}
