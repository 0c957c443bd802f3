package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wxlogin/internal/admin"
)

// wantExported compares what the files of people say of who follows, by openid: true,
// false, or empty for what is not known.
func wantExported(t *testing.T, adminBrowser *browser, want map[string]string) {
	t.Helper()
	file := adminBrowser.get("/api/admin/users.csv").wantPage(http.StatusOK, "")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.Body, "\uFEFF"))).ReadAll()
	check(t, err)
	column := func(name string) int { return slices.Index(rows[0], name) }
	inCSV := make(map[string]string)
	for _, row := range rows[1:] {
		openID, answer := row[column("openid")], row[column("subscribed")]
		inCSV[openID] = answer
		identity := "main:" + openID + ":" + row[column("unionid")]
		if answer != "" {
			identity += ":" + answer
		}
		if got := row[column("identities")]; got != identity {
			t.Errorf("identities are %s, want %s", got, identity)
		}
	}
	var data struct {
		Users []struct {
			OpenID     string
			Subscribed *bool
			Identities []struct{ Subscribed *bool }
		}
	}
	check(t, json.Unmarshal([]byte(adminBrowser.get("/api/admin/users.json").wantPage(http.StatusOK, "").Body), &data))
	inJSON := make(map[string]string)
	for _, u := range data.Users {
		inJSON[u.OpenID] = ""
		if u.Subscribed != nil {
			inJSON[u.OpenID] = strconv.FormatBool(*u.Subscribed)
		}
		if own := u.Identities[0].Subscribed; (own == nil) != (u.Subscribed == nil) || own != nil && *own != *u.Subscribed {
			t.Errorf("%+v", u)
		}
	}
	if !maps.Equal(inCSV, want) || !maps.Equal(inJSON, want) {
		t.Errorf("CSV %v\nJSON %v\nwant %v", inCSV, inJSON, want)
	}
}

// The files read whom people follow a page at a time, and leave nobody out.
func TestFollowersOfManyExported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{followers: true})
	adminBrowser := w.admin()
	db := w.raw()
	const people = 2*admin.MaxPage + 1
	want := make(map[string]string)
	for i := range people {
		id := fmt.Sprintf("%032d", i)
		want["o"+id] = ""
		_, err := db.Exec(`INSERT INTO users (id, appid, openid, scope, first_login_at, last_login_at, login_count) VALUES ($1, $2, $3, 'snsapi_base', $4, $4, 1)`, id, w.sim.AppID(), "o"+id, 1000+i)
		check(t, err)
	}
	for _, i := range []int{0, admin.MaxPage - 1, admin.MaxPage, people - 1} {
		id := fmt.Sprintf("%032d", i)
		want["o"+id] = "true"
		_, err := db.Exec(`INSERT INTO followers (user_id, identity_id, follows, since, scene, checked_at) VALUES ($1, '', 1, 1, '', 1)`, id)
		check(t, err)
	}
	wantExported(t, adminBrowser, want)
}
