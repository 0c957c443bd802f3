package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// Admins see the applications, what is set for each and who uses it, and end what one
// holds of a person; nothing on any page is of its secret.
func TestAdminClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	boss := w.admin()
	boss.get("/admin/clients").wantPage(http.StatusOK, "server client add Wiki")
	wiki := w.app("Team's Wiki", func(c *auth.Client) {
		c.Email, c.Groups, c.Backchannel = true, []string{"ops", "staff"}, "https://app.example.com/logout"
	})
	tool := w.app("Tool", func(c *auth.Client) {
		c.RedirectURIs, c.Native, c.Trusted, c.SecretHash = []string{"com.example.tool:/cb"}, true, true, publicClient
	})
	lin, wang := w.signedIn("lin"), w.signedIn("wang")
	for _, name := range []string{"lin", "wang"} {
		_, err := w.admins.JoinGroup(t.Context(), admin.CommandLine(), w.user(name).ID, "staff")
		check(t, err)
	}
	token, _ := wiki.login(lin)
	other, _ := wiki.login(wang)
	trusted, _ := tool.login(lin)

	list := boss.get("/admin/clients").wantPage(http.StatusOK, "Tool")
	for _, want := range []string{
		"Team&#39;s Wiki", "app.example.com", "占位邮箱地址", "退出时通知", "<code>ops</code>, <code>staff</code>", `data-label="登录中的用户">2</td>`,
		"用户自己的设备", "无密钥", "不询问用户", "所有人", `data-label="登录中的用户">1</td>`, wiki.client.ID, tool.client.ID, `href="/wx/admin/clients/` + wiki.client.ID,
	} {
		if !strings.Contains(list.Body, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	here := "/admin/clients/" + wiki.client.ID
	page := boss.get(here)
	for _, want := range []string{
		wiki.client.ID, appURI, "https://app.example.com/bye", "https://app.example.com/logout", "ES256", "main", w.public,
		`server client edit &#39;Team&#39;\&#39;&#39;s Wiki&#39; …`, "/wx/admin/users/" + w.user("lin").ID + "?back=", "林小满", "账号编号 / 昵称和头像",
	} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	// There and back again.
	person := boss.get(page.linkTo("/wx/admin/users/" + w.user("wang").ID))
	person.wantPage(http.StatusOK, `href="/wx`+here+`"`)
	for _, evil := range []string{"/wx/admin/clients/../x", "/wx/admin/clients/", "/wx/admin/clients/a%2fb", "//evil.example/admin/clients/x"} {
		p := boss.get("/admin/users/" + w.user("lin").ID + "?back=" + url.QueryEscape(evil))
		if !strings.Contains(p.Body, `<p class="back"><a href="/wx/admin/users">`) {
			t.Errorf("%s is led back to", evil)
		}
	}
	// Page by page, the last one first.
	first := boss.get(here+"?limit=1").wantPage(http.StatusOK, w.user("wang").ID)
	second := boss.get(first.linkTo("/wx"+here+"?cursor=")).wantPage(http.StatusOK, w.user("lin").ID)
	if strings.Contains(first.Body, w.user("lin").ID) || strings.Contains(second.Body, "people/"+w.user("wang").ID) {
		t.Error("a page has more than one person")
	}
	boss.get(here+"?limit=0").wantPage(http.StatusBadRequest, "limit")
	boss.get(here+"?cursor=x").wantPage(http.StatusBadRequest, "")
	boss.get("/admin/clients/nobody").wantPage(http.StatusNotFound, "")

	// To end one's is to end that one's, and twice is no fault.
	end := func(id string) string { return here + "/people/" + id + "/end" }
	lin.post(end(w.user("wang").ID), nil).wantPage(http.StatusForbidden, "")
	wiki.wantIn(other)
	for range 2 {
		boss.post(end(w.user("wang").ID), url.Values{"back": {"/wx" + here + "?limit=1"}}).wantRedirect("/wx" + here + "?done=app&limit=1")
	}
	wiki.wantOut(other)
	wiki.wantIn(token)
	tool.wantIn(trusted)
	if p := boss.get(here+"?done=app").wantPage(http.StatusOK, "已取消应用的授权"); strings.Contains(p.Body, w.user("wang").ID) {
		t.Error("who was ended is listed")
	}
	boss.get("/admin/events?action=end_access").wantPage(http.StatusOK, "Team&#39;s Wiki")
	wang.get(wiki.begins()).wantPage(http.StatusOK, `value="yes"`)

	client, err := w.admins.Client(t.Context(), "Team's Wiki")
	check(t, err)
	for _, path := range []string{"/admin/clients", here, "/admin/users/" + w.user("lin").ID, "/api/admin/users/" + w.user("lin").ID, "/api/admin/users/" + w.user("lin").ID + "/export", "/admin/events"} {
		if p := boss.get(path); p.Status != http.StatusOK || strings.Contains(p.Body, client.SecretHash) {
			t.Errorf("%s: status %d, or it has the hash of the secret", path, p.Status)
		}
	}
	for _, path := range []string{"/me", "/api/me/export"} {
		if p := lin.get(path); p.Status != http.StatusOK || strings.Contains(p.Body, client.SecretHash) {
			t.Errorf("%s: status %d, or it has the hash of the secret", path, p.Status)
		}
	}
	people, err := w.admins.AccessTo(t.Context(), client, admin.AccessQuery{})
	check(t, err)
	apps, err := w.admins.AccessOf(t.Context(), w.user("lin").ID)
	check(t, err)
	for _, a := range append(people.People, apps...) {
		if a.Client.SecretHash != "" || a.Client.ID == "" {
			t.Errorf("%+v", a.Client)
		}
	}
}
