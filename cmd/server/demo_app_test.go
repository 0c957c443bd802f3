package main_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The whole trip that the demonstration is for, in two real browsers: a desktop opens
// the sample application, a phone scans and says yes, and the application knows who
// it is. The phone itself needs no code.
func TestSampleApplicationInABrowser(t *testing.T) {
	browser := openBrowser(t)
	demo := startDemo(t, t.TempDir(), "TZ=Asia/Shanghai")
	at := printedAddresses(t, demo.stdout.text())

	desktop, phone := browser.newDesktop("desktop"), browser.newPhone("phone")
	desktop.opens(at.app)
	desktop.wantText("示例应用", "用微信登录")
	desktop.shot("40-sample")
	desktop.taps("#login")
	desktop.waits(`#scan[data-status="waiting"]`)
	desktop.wantText("示例应用 Sample app")
	desktop.shot("41-sample-scan")
	phone.opens(desktop.href(".small a"))
	phone.taps(`button[value="lin"]`)
	phone.taps(`a[href*="consent=1"]`)
	phone.taps("button.allow")
	phone.wantText("示例应用 Sample app", desktop.number())
	phone.taps(`button[value="confirm"]`)
	desktop.waits(`button[value="yes"]`)
	desktop.wantText("示例应用 Sample app", "林小满")
	desktop.shot("42-sample-consent")
	desktop.leaves(`button[value="yes"]`)
	desktop.waits("#claims")
	desktop.wantToFit() // with the picture
	desktop.wantText("你好，林小满")
	desktop.shot("43-sample-known")
	claims, info := desktop.json("#claims"), desktop.json("#userinfo")
	if sub := desktop.evaluates(`document.querySelector("#sub").textContent`); sub == "" || claims["sub"] != sub || info["sub"] != sub || info["picture"] == nil {
		t.Errorf("the application knows %q by %v and %v", sub, claims, info)
	}
	if amr, _ := json.Marshal(claims["amr"]); string(amr) != `["wechat","scan"]` {
		t.Errorf("the desktop is signed in by %s", amr)
	}

	// The logout is wxlogin's too: the next login asks the phone again.
	desktop.leaves(`form button`)
	desktop.waits("#login")
	desktop.taps("#login")
	desktop.waits(`#scan[data-status="waiting"]`)

	phone.opens(at.app)
	phone.shot("44-sample-phone")
	phone.leaves("#login")
	phone.waits("#claims")
	phone.wantText("你好，林小满")
	phone.shot("45-sample-phone-known")

	wang := browser.newPhone("another phone")
	wang.opens(at.app)
	wang.taps("#login")
	wang.taps(`button[value="wang"]`)
	wang.taps(`a[href*="consent=1"]`)
	wang.taps("button.allow")
	wang.refused = true
	wang.leaves(`button[value="no"]`)
	wang.waits(".wrong")
	wang.wantText("没有登录（access_denied）", "用微信登录")
	wang.shot("46-sample-refused")
	wang.opensRefused(at.app+"callback?code=a&state=OF-ANOTHER-BROWSER", http.StatusBadRequest)
	wang.wantText("不是在这个浏览器里发起的")
}

// json is what an element of the page holds.
func (tab *tab) json(selector string) (value map[string]any) {
	tab.t.Helper()
	text := tab.evaluates(`document.querySelector("` + selector + `").textContent`)
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		tab.t.Fatalf("%s: %v\n%s", tab.name, err, text)
	}
	return value
}

// With a folder, what somebody develops against the demonstration goes on working: id
// and secret are those of the last time.
func TestSampleClientStays(t *testing.T) {
	folder := t.TempDir()
	printed := func(folder string) (id, secret string) {
		demo := startProgram(t, plainProgram(t), t.TempDir(), nil, "demo", "--empty", "--addr=127.0.0.1:0", "--simulator-addr=127.0.0.1:0", "--app-addr=127.0.0.1:0", "--data="+folder)
		demo.stdout.wait(t, "Ctrl+C")
		at := printedAddresses(t, demo.stdout.text())
		found := regexp.MustCompile(`client_id +(\S+)\n +client_secret +(\S+)\n`).FindStringSubmatch(demo.stdout.text())
		if found == nil {
			t.Fatalf("no client is printed:\n%s", demo.stdout.text())
		}
		demo.stderr.wait(t, "wxlogin is ready")
		// It is a client, and this is its secret: what is wrong is the code alone.
		got := newPhone(t, "", "", "").ask(http.MethodPost, at.visitor+"oidc/token", map[string][]string{
			"grant_type": {"authorization_code"}, "code": {"none"}, "client_id": {found[1]}, "client_secret": {found[2]},
		})
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "invalid_grant") {
			t.Errorf("the client is answered %d %s", got.status, got.body)
		}
		demo.terminate()
		demo.wantExit(0)
		return found[1], found[2]
	}
	id, secret := printed(folder)
	again, same := printed(folder)
	if again != id || same != secret {
		t.Errorf("the client was %s and is %s; the secret is the same: %v", id, again, same == secret)
	}
	if other, another := printed(t.TempDir()); other == id || another == secret {
		t.Error("another folder has the same client")
	}
}
