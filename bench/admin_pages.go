package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"wxlogin/bench/rig"
)

// adminPage is an admin page to measure.
type adminPage struct {
	name  string
	path  string
	holds string // text of the right page
	walk  bool   // open the next page each time instead of the same one
}

// adminResult is the measurement of an admin page.
type adminResult struct {
	name     string
	asked    int
	p50, p95 time.Duration
}

func adminPages(s *stored) []adminPage {
	search := func(name, text, holds string) adminPage {
		return adminPage{name: name, path: "/admin/users?q=" + url.QueryEscape(text), holds: holds}
	}
	// As a row of the list shows it; the search field contains the text too.
	shown := func(nickname string) string { return "<bdi>" + nickname + "</bdi>" }
	someone := rig.PersonNumber(s.people/3 + 1)
	pages := []adminPage{
		{name: "dashboard", path: "/admin", holds: "<h1"},
		{name: "people, first page", path: "/admin/users", holds: "/admin/users/"},
		{name: "people, page after page", path: "/admin/users", holds: "/admin/users/", walk: true},
		search("search, one person's nickname", rig.RareNickname, shown(rig.RareNickname)),
		search("search, two characters of it", string([]rune(rig.RareNickname)[:2]), shown(rig.RareNickname)),
		search("search, one character of it", string([]rune(rig.RareNickname)[:1]), shown(rig.RareNickname)),
		search("search, a frequent nickname", "岁月静好", shown("岁月静好")),
		search("search, two frequent characters", "小满", shown("小满")),
		search("search, one frequent character", "小", "<bdi>小"),
		search("search, small letters", "alice", shown("Alice")),
		search("search, nobody", "没有这样的人", `name="q"`),
		search("search, an openid", someone.OpenID, `title="`+someone.OpenID+`"`),
		{name: "search within a filter", path: "/admin/users?filter=seen_7d&q=" + url.QueryEscape("小"), holds: "<bdi>小"},
	}
	for _, filter := range []string{"blocked", "admin", "profile", "openid_only", "no_unionid", "needs_login", "token_ends", "seen_7d", "seen_30d"} {
		pages = append(pages, adminPage{name: "filter " + filter, path: "/admin/users?filter=" + filter, holds: `name="q"`})
	}
	for _, sort := range []string{"-first_login_at", "first_login_at", "-last_login_at", "last_login_at"} {
		pages = append(pages, adminPage{name: "sort " + sort, path: "/admin/users?sort=" + sort, holds: "/admin/users/"})
	}
	return append(pages, adminPage{name: "audit log", path: "/admin/events", holds: "<h1"})
}

// admin opens the admin pages on the largest database, one after the other as an admin
// does.
func (m *measurement) admin(ctx context.Context) error {
	s := m.most()
	c := rig.NewConn(s.service.Address)
	defer c.Close()
	admin, err := m.enterAdmin(ctx, s, c)
	if err != nil {
		return err
	}
	if err := rig.RollUps(ctx, s.database); err != nil {
		return err
	}
	var results []adminResult
	for _, page := range adminPages(s) {
		r, err := m.askAdmin(ctx, c, admin, page)
		if err != nil {
			return fmt.Errorf("%s: %w", page.name, err)
		}
		results = append(results, r)
	}
	m.report.admin(s, results)
	return nil
}

// enterAdmin opens an admin link in a browser and presses its button.
func (m *measurement) enterAdmin(ctx context.Context, s *stored, c *rig.Conn) (*rig.Jar, error) {
	token, err := m.world.AdminLink(ctx, s.database)
	if err != nil {
		return nil, err
	}
	phone := &rig.Phone{Site: c}
	if err := phone.Ask(http.MethodPost, "/admin/link", []byte("token="+url.QueryEscape(token)), time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if c.Status != http.StatusSeeOther || rig.Location(c) != "/admin" {
		return nil, fmt.Errorf("the admin link leads to %d %q: %.300s", c.Status, rig.Location(c), c.Body)
	}
	return &phone.Jar, nil
}

var nextPage = regexp.MustCompile(`rel="next"[^>]*href="([^"]+)"|href="([^"]+)"[^>]*rel="next"`)

// askAdmin opens a page a number of times, or until its time is over.
func (m *measurement) askAdmin(ctx context.Context, c *rig.Conn, admin *rig.Jar, page adminPage) (adminResult, error) {
	var taken []time.Duration
	path := page.path
	for began := time.Now(); len(taken) < m.adminAsks && (len(taken) < 5 || time.Since(began) < m.adminTime); {
		if err := ctx.Err(); err != nil {
			return adminResult{}, err
		}
		request := rig.NewRequest(http.MethodGet, path, admin.Header(), nil)
		start := time.Now()
		if err := c.Do(request, start.Add(time.Minute)); err != nil {
			return adminResult{}, err
		}
		taken = append(taken, time.Since(start))
		if c.Status != http.StatusOK || !bytes.Contains(c.Body, []byte(page.holds)) {
			return adminResult{}, fmt.Errorf("%s: %d without %q: %.300s", path, c.Status, page.holds, c.Body)
		}
		if page.walk {
			found := nextPage.FindSubmatch(c.Body)
			switch {
			case found == nil && len(taken) == 1:
				return adminResult{}, fmt.Errorf("%s has no next page", path)
			case found == nil: // the last page; begin again
				path = page.path
				continue
			}
			path = html.UnescapeString(string(append(found[1], found[2]...)))
		}
	}
	return adminResult{page.name, len(taken), rig.Quantile(taken, .5), rig.Quantile(taken, .95)}, nil
}
