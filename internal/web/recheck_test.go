package web_test

import (
	"net/http"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// Somebody else holds the phone by now: an old session becomes theirs.
func TestRecheckSwapsTheSession(t *testing.T) {
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

// The person who holds the phone is nobody we know: they are asked, and the
// session of the one before has ended.
func TestRecheckFindsAStranger(t *testing.T) {
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

// The same person sees nothing of it, and a WeChat in trouble keeps nobody out.
func TestRecheckDisturbsNobody(t *testing.T) {
	w := newWorld(t, options{recheck: 24 * time.Hour})
	phone := w.phone("lin")
	phone.signsIn()
	w.clock.pass(25 * time.Hour)
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	phone.wantMe("lin")

	w.clock.pass(25 * time.Hour)
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: -1, Status: http.StatusBadGateway})
	phone.setCookie(w.url, "wxlogin_checked", "")
	phone = w.moveTo(phone) // the browser's pause has run out
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	before := w.sim.Exchanges()
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	w.wantExchanges(before) // left alone for a while
}

// Off unless the operator wants it.
func TestRecheckIsOff(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.clock.pass(300 * time.Hour)
	phone.opens("/").wantPage(http.StatusOK, "林小满")
	w.wantExchanges(1)
}

// moveTo is the same person and session in a browser without other cookies.
func (w *world) moveTo(b *browser) *browser {
	w.t.Helper()
	moved := w.phone("lin")
	moved.setCookie(w.url, "wxlogin", b.cookie("wxlogin"))
	return moved
}
