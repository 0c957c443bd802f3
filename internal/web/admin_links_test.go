package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
)

// linkSessions are the ids of the browsers that a link has let in, newest first.
func (w *world) linkSessions() (ids []string) {
	w.t.Helper()
	sessions, err := w.admins.Sessions(w.t.Context())
	check(w.t, err)
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

// A browser that a leaked link has let in is seen by every admin, and is out with
// its next request when one of them ends it.
func TestEndBrowserOfALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	leaked := w.admin()
	w.clock.pass(time.Minute)
	mine := w.admin()
	ids := w.linkSessions()
	lin := w.phone("lin")
	lin.signsIn()
	end := func(i int) string { return "/admin/sessions/" + ids[i] + "/end" }

	home := mine.get("/admin").wantPage(http.StatusOK, "当前浏览器")
	for i, id := range ids {
		if shown, mineToo := strings.Contains(home.Body, id), strings.Contains(home.Body, end(i)); !shown || mineToo != (i == 1) {
			t.Errorf("browser %d: shown %v, with a button to end it %v", i, shown, mineToo)
		}
	}
	if n := strings.Count(home.Body, "当前浏览器"); n != 1 {
		t.Errorf("%d browsers are this one", n)
	}
	for _, b := range []*browser{leaked, mine} {
		if strings.Contains(home.Body, b.cookie("wxlogin_desk")) {
			t.Error("the page shows a token")
		}
	}

	lin.post(end(1), nil).wantPage(http.StatusForbidden, "")
	w.browser(desktopWeb).post(end(1), nil).wantPage(http.StatusUnauthorized, "")
	mine.post("/admin/sessions/"+w.sessionIDs(w.user("lin").ID)[0]+"/end", nil).wantPage(http.StatusNotFound, "没有找到")
	leaked.get("/admin").wantPage(http.StatusOK, "")
	lin.wantMe("lin")

	// By an admin's own login, in another process on the same database.
	other := newWorld(t, options{dbPath: w.dbPath, sim: w.sim, admins: []string{w.person("lin").OpenID}})
	other.clock.pass(2 * time.Minute)
	boss := other.signedIn("lin")
	boss.get("/admin").wantPage(http.StatusOK, `/admin/users/`+w.user("lin").ID+`"`)
	boss.submits(end(1), nil).wantPage(http.StatusOK, "已退出管理后台")
	leaked.get("/admin").wantPage(http.StatusUnauthorized, "")
	leaked.get("/api/admin/users").wantPage(http.StatusUnauthorized, "")
	mine.get("/admin").wantPage(http.StatusOK, "")
	boss.post(end(1), nil).wantPage(http.StatusNotFound, "没有找到")
	w.wantEvents(admin.ActEndAdmin)
	mine.get("/admin/events?action=end_admin_session").wantPage(http.StatusOK, "127.0.0.1")

	// Its own button is the one that leaves.
	mine.post(end(0), nil).wantRedirect("/admin?done=admin_session")
	mine.get("/admin").wantPage(http.StatusUnauthorized, "")
	if ids := w.linkSessions(); len(ids) != 0 {
		t.Errorf("%d browsers are in", len(ids))
	}
}
