package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A real browser is led to an application through every page of ours: a yes to the
// question is a form, which browsers hold against our own policy through all redirects
// that follow, at the application's too.
func TestApplicationInABrowser(t *testing.T) {
	browser := openBrowser(t)
	folder := t.TempDir()
	demo := startProgram(t, plainProgram(t), folder, []string{"TZ=Asia/Shanghai"}, "demo", "--addr=127.0.0.1:0", "--simulator-addr=127.0.0.1:0", "--app-addr=127.0.0.1:0", "--data="+folder)
	demo.stdout.wait(t, "Ctrl+C")
	at := printedAddresses(t, demo.stdout.text())
	landed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><p id="landed">landed</p>`))
	}))
	t.Cleanup(landed.Close)
	var id, secret string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if code := q.Get("code"); code != "" {
			res, err := http.PostForm(at.visitor+"oidc/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"http://" + r.Host + "/cb"}, "client_id": {id}, "client_secret": {secret}})
			if err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("the code gives %v, %v", res, err)
			}
		}
		// To another origin, as applications do whose login has a host of its own.
		http.Redirect(w, r, strings.Replace(landed.URL, "127.0.0.1", "localhost", 1)+"/?"+url.Values{"told": {q.Get("error") + q.Get("state")}}.Encode(), http.StatusFound)
	}))
	t.Cleanup(app.Close)

	add := exec.Command(plainProgram(t), "client", "add", "Wiki", "--redirect-uri", app.URL+"/cb", "--email", "--logout-uri", app.URL+"/bye")
	add.Dir = folder
	add.Env = append(outsideVariables(), "WXLOGIN_DATABASE_URL=sqlite:"+filepath.Join(folder, "wxlogin.db"), "WXLOGIN_PUBLIC_URL="+strings.TrimRight(at.visitor, "/"),
		"WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=0123456789abcdef0123456789abcdef")
	out, err := add.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := regexp.MustCompile(`client_id: (\S+)\nclient_secret: (\S+)`).FindStringSubmatch(string(out))
	id, secret = made[1], made[2]
	address := at.visitor + "oidc/authorize?" + url.Values{
		"client_id": {id}, "redirect_uri": {app.URL + "/cb"}, "response_type": {"code"}, "scope": {"openid profile email offline_access"}, "state": {"yes"},
	}.Encode()

	phone := browser.newPhone("phone")
	phone.opens(address)
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")
	phone.waits(`button[value="yes"]`)
	phone.wantText("Wiki", "林小满")
	phone.shot("30-app-consent")
	phone.leaves(`button[value="no"]`)
	phone.waits("#landed")
	if told := phone.evaluates("location.search"); told != "?told=access_deniedyes" {
		t.Errorf("after a no the application is told %s", told)
	}
	phone.opens(address)
	phone.leaves(`button[value="yes"]`)
	phone.waits("#landed")
	if told := phone.evaluates("location.search"); told != "?told=yes" {
		t.Errorf("after a yes the application is told %s", told)
	}

	desktop := browser.newDesktop("desktop")
	desktop.opens(address)
	desktop.waits(`#scan[data-status="waiting"]`)
	desktop.wantText("Wiki")
	desktop.shot("31-app-scan")
	phone.opens(desktop.href(".small a"))
	phone.wantText("Wiki")
	phone.shot("32-app-ask")
	phone.taps(`button[value="confirm"]`)
	desktop.waits("#landed")

	admin := browser.newDesktop("admin")
	admin.opens(at.admin)
	admin.taps(`form[action$="/admin/link"] button`)
	admin.taps(`nav a[href$="/admin/clients"]`)
	admin.wantText("Wiki", "占位邮箱地址", id)
	admin.shown("34-applications")
	admin.taps(`td a[href$="/admin/clients/` + id + `"]`)
	admin.wantText("回调地址", "林小满", "server client edit Wiki")
	admin.shown("35-application")

	phone.opens(at.visitor + "oidc/logout?" + url.Values{"client_id": {id}, "post_logout_redirect_uri": {app.URL + "/bye"}, "state": {"bye"}}.Encode())
	phone.waits(`form[action$="/oidc/logout/confirm"]`)
	phone.shot("33-app-logout")
	phone.leaves(`form[action$="/oidc/logout/confirm"] button`)
	phone.waits("#landed")
	if told := phone.evaluates("location.search"); told != "?told=bye" {
		t.Errorf("after a logout the application is told %s", told)
	}
}

// leaves presses what leads to a page that goes on by itself.
func (tab *tab) leaves(selector string) {
	tab.t.Helper()
	tab.evaluates(`String(document.querySelector(` + strconv.Quote(selector) + `).click())`)
}
