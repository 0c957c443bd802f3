package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A person's page shows twenty of their identities, the first one first, and leads to the
// others; it stays the size that it is, however many there are.
func TestManyIdentitiesOfAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts, path: "/wx"})
	boss := w.admin()
	w.signedIn("lin")
	id := w.user("lin").ID
	for i := range 44 {
		w.exec(`INSERT INTO identities (id, user_id, appid, openid, scope, first_login_at, last_login_at, login_count, linked, linked_at)
			VALUES ($1, $2, 'wx2', $1, 'snsapi_base', 1, 1, 0, 'unionid', 7)`, fmt.Sprintf("i%02d", i), id)
	}
	here := "/admin/users/" + id
	shown := func(p *page) (all []string) {
		t.Helper()
		if !strings.Contains(p.Body, "登录身份 <small>45</small>") {
			t.Error("the page does not say how many there are")
		}
		if p.wantPage(http.StatusOK, ""); strings.Contains(p.Body, w.user("lin").OpenID+"</code></dd>") {
			all = append(all, "first")
		}
		for i := range 44 {
			if name := fmt.Sprintf("i%02d", i); strings.Contains(p.Body, "/admin/joins/"+name+"/undo") {
				all = append(all, name)
			}
		}
		return all
	}
	names := []string{"first"}
	for i := range 44 {
		names = append(names, fmt.Sprintf("i%02d", i))
	}
	back := "?back=%2Fwx%2Fadmin%2Fusers%3Ffilter%3Dprofile"
	p := boss.get(here + back)
	for n, want := range [][]string{names[:20], names[20:40], names[40:]} {
		if got := shown(p); !slices.Equal(got, want) {
			t.Errorf("page %d has %q, want %q", n+1, got, want)
		}
		if !strings.Contains(p.Body, "filter=profile") {
			t.Error("the list that led here is lost")
		}
		next := strings.Contains(p.Body, `rel="next"`)
		if prev := strings.Contains(p.Body, `rel="prev"`); prev != (n > 0) || next != (n < 2) {
			t.Errorf("page %d leads back: %t, on: %t", n+1, prev, next)
		}
		if next {
			p = boss.get(p.linkTo("/wx" + here + back + "&amp;identities=" + fmt.Sprint(n+2)))
		}
	}
	for asked, want := range map[string][]string{"99": names[40:], "0": names[:20], "-1": names[:20], "x": names[:20]} {
		if got := shown(boss.get(here + "?identities=" + asked)); !slices.Equal(got, want) {
			t.Errorf("page %s has %q", asked, got)
		}
	}
	// Beside another whom they may be, no more than that either.
	w.signedIn("wang")
	w.exec(`INSERT INTO proposals (user_id, other_id, unionid, noted_at) VALUES ($1, $2, 'union1', 5)`, id, w.user("wang").ID)
	if p := boss.get("/admin/joins").wantPage(http.StatusOK, "另有 25 个"); strings.Count(p.Body, `<code class="id whole">i`) != 19 {
		t.Errorf("%d further identities", strings.Count(p.Body, `<code class="id whole">i`))
	}
}
