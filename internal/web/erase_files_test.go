package web_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// Whoever erases their data is in none of the files any more: not in the database,
// not in the space that it does not use, not in its log. The trips before it was
// known who came count too: the silent one, one that WeChat failed, and one with a
// made-up code.
func TestErasingLeavesNothingInAnyFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{proxies: []string{"127.0.0.0/8"}})
	if strings.Contains(w.dbPath, "://") {
		t.Skip("what a server of PostgreSQL keeps is its own affair")
	}
	phone := w.phone("lin")
	phone.agent += " ERASE-MY-BROWSER"
	const address = "203.0.113.77"
	through := func(path string) *page {
		t.Helper()
		r := phone.request(http.MethodGet, path, nil)
		r.Header.Set("X-Forwarded-For", address)
		p, err := phone.fetch(r)
		check(t, err)
		for p.Header.Get("Location") != "" {
			next, err := p.URL.Parse(p.Header.Get("Location"))
			check(t, err)
			r := phone.request(http.MethodGet, next.String(), nil)
			r.Header.Set("X-Forwarded-For", address)
			p, err = phone.fetch(r)
			check(t, err)
		}
		return p
	}
	w.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: -1, ConsumeCode: true})
	through("/login")
	through("/login").wantPage(http.StatusOK, "/login?consent=1")
	back, err := url.Parse(phone.stops(phone.resolve("/login"), "/callback"))
	check(t, err)
	query := back.Query()
	query.Set("code", "JUNK")
	through("/callback?" + query.Encode())
	through("/login?consent=1").wantPage(http.StatusOK, "OpenID")
	w.phone("wang").signsIn() // somebody else stays

	person := w.person("lin")
	personal := []string{person.OpenID, person.Nickname, address, "ERASE-MY-BROWSER"}
	if found := filesWith(t, w.dbPath, personal[0]); len(found) == 0 {
		t.Fatal("nothing to be erased")
	}
	phone.submits("/api/me/erase", url.Values{"confirm": {"yes"}}).wantPage(http.StatusOK, "")
	for _, text := range personal {
		if found := filesWith(t, w.dbPath, text); len(found) != 0 {
			t.Errorf("%q is still in %v", text, found)
		}
	}
	if found := filesWith(t, w.dbPath, w.person("wang").OpenID); len(found) == 0 {
		t.Error("somebody else has gone too")
	}
}

// filesWith are the files beside a database, and it, that have a text in them.
func filesWith(t *testing.T, path, text string) (found []string) {
	t.Helper()
	check(t, filepath.WalkDir(filepath.Dir(path), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, filepath.Base(name))
		}
		return err
	}))
	return found
}
