package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/auth"
)

// A person sees which applications know them and what these are told, and ends one:
// its next request is refused, and only its. Pressing twice is no fault.
func TestMyApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	if body := lin.get("/me").Body; strings.Contains(body, "已授权的应用") {
		t.Error("a heading without applications")
	}
	grafana, notes := w.app("Grafana", nil), w.app("Notes <b>", func(c *auth.Client) { c.Trusted, c.WeChat = true, true })
	token, _ := grafana.login(lin)
	other, _ := grafana.login(wang)
	trusted, _ := notes.login(lin)
	page := lin.get("/me").wantPage(http.StatusOK, "已授权的应用")
	for _, want := range []string{"Grafana", "app.example.com · 获得 账号编号 / 昵称和头像", "Notes &lt;b&gt;", "微信标识", "/me/apps/" + grafana.client.ID + "/end"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	// Lin presses the button twice; Wang presses one for an application without access.
	for range 2 {
		lin.post("/me/apps/"+grafana.client.ID+"/end", nil).wantRedirect("/me?done=app")
	}
	wang.post("/me/apps/"+notes.client.ID+"/end", nil).wantRedirect("/me?done=app")
	if _, err := grafana.userinfo(token); err == nil {
		t.Error("an application that was ended still learns who it is")
	}
	for name, held := range map[string]error{"another's": second(grafana.userinfo(other)), "another application's": second(notes.userinfo(trusted))} {
		if held != nil {
			t.Errorf("%s has ended as well: %v", name, held)
		}
	}
	if body := lin.get("/me?done=app").Body; strings.Contains(body, "Grafana") || !strings.Contains(body, "已取消应用的授权") {
		t.Error("the page does not say that it has ended")
	}
	w.browser(iPhone).post("/me/apps/"+notes.client.ID+"/end", nil).wantPage(http.StatusUnauthorized, "")
}

func second(_ map[string]any, err error) error { return err }

// An admin sees and ends the same on a person's page, and puts people into groups.
func TestApplicationsAndGroupsOnThePersonsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	boss, lin := w.admin(), w.signedIn("lin")
	grafana := w.app("Grafana", nil)
	token, _ := grafana.login(lin)
	id := w.user("lin").ID
	person := "/admin/users/" + id
	boss.get(person).wantPage(http.StatusOK, person+"/apps/"+grafana.client.ID+"/end")
	boss.post(person+"/groups/join", url.Values{"group": {" staff "}}).wantRedirect(person + "?done=group")
	boss.get(person).wantPage(http.StatusOK, "移出分组 staff")
	lin.get("/verify?groups=staff").wantPage(http.StatusOK, "")
	boss.post(person+"/groups/join", url.Values{"group": {"No Group"}}).wantPage(http.StatusBadRequest, "")
	boss.post(person+"/groups/leave", url.Values{"group": {"staff"}}).wantRedirect(person + "?done=group")
	lin.get("/verify?groups=staff").wantPage(http.StatusForbidden, "")
	for range 2 {
		boss.post(person+"/apps/"+grafana.client.ID+"/end", nil).wantRedirect(person + "?done=app")
	}
	if _, err := grafana.userinfo(token); err == nil {
		t.Error("an application that was ended still learns who it is")
	}
	events := boss.get("/admin/events?who=" + id).Body
	for _, want := range []string{"取消应用授权", "Grafana", "staff"} {
		if !strings.Contains(events, want) {
			t.Errorf("the audit log does not say %q", want)
		}
	}
	for _, path := range []string{"/apps/" + grafana.client.ID + "/end", "/groups/join"} {
		lin.post(person+path, url.Values{"group": {"staff"}}).wantPage(http.StatusForbidden, "")
	}
}
