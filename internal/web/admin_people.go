package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// adminUsersPage is the list of people.
type adminUsersPage struct {
	Users    []auth.User
	Query    admin.UserQuery
	Total    admin.Total // that match
	Filters  []admin.Filter
	Sorts    []admin.Sort
	NextURL  string // empty on the last page
	PrevURL  string // empty on the first
	CSVURL   string // of all that match
	JSONURL  string
	Megabyte int64             // about how large that is, or more; 0: small
	SortURLs map[string]string // of a column's heading: what pressing it leads to
	Picked   bool              // everyone on the page is chosen
	PickURL  string            // the same page with everyone chosen, or nobody
	Here     string            // this page, to come back to
	Done     string            // key of what has just been done, or empty
}

func (adminUsersPage) file() string { return "admin_users" }

// rowBytes is about what one person takes in an export.
const rowBytes = 500

// adminUsers is the list of people.
func (s *Server) adminUsers(w http.ResponseWriter, r *http.Request) error {
	query, err := userQuery(r)
	if err != nil {
		return err
	}
	query.Total = true
	list, err := s.lists.Users(r.Context(), query)
	if err != nil {
		return ofCursor(err)
	}
	all := admin.UserQuery{Search: query.Search, Filter: query.Filter, Sort: query.Sort}
	here, picked := s.listURL("/admin/users", query), r.URL.Query().Get("pick") == "all"
	p := adminUsersPage{
		Users:    list.Users,
		Query:    query,
		Total:    list.Total,
		Filters:  admin.Filters,
		Sorts:    admin.Sorts,
		NextURL:  s.pageURL(query, list.Next),
		PrevURL:  s.pageURL(query, list.Prev),
		CSVURL:   s.listURL("/api/admin/users.csv", all),
		JSONURL:  s.listURL("/api/admin/users.json", all),
		Megabyte: list.Total.N * rowBytes / 1e6,
		SortURLs: map[string]string{
			"first": s.sortURL(query, admin.SortNewest, admin.SortOldest),
			"last":  s.sortURL(query, admin.SortLastSeen, admin.SortLongestAgo),
		},
		Picked:  picked,
		PickURL: here,
		Here:    here,
		Done:    done(r),
	}
	if !picked {
		p.PickURL = with(here, "pick", "all")
	}
	return s.page(w, r, p)
}

// sortURL is the list in the order down, or in the order up if it is in that one
// already. It begins at the first page.
func (s *Server) sortURL(query admin.UserQuery, down, up admin.Sort) string {
	current := query.Sort
	if current == "" {
		current = admin.SortNewest
	}
	query.Cursor, query.Sort = "", down
	if current == down {
		query.Sort = up
	}
	return s.listURL("/admin/users", query)
}

// listURL is the address of a list of people.
func (s *Server) listURL(path string, query admin.UserQuery) string {
	values := url.Values{}
	for name, value := range map[string]string{
		"q":      query.Search,
		"filter": string(query.Filter),
		"sort":   string(query.Sort),
		"cursor": query.Cursor,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if query.Limit != 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	return s.address(path, values)
}

func (s *Server) address(path string, values url.Values) string {
	if len(values) == 0 {
		return s.site.prefix + path
	}
	return s.site.prefix + path + "?" + values.Encode()
}

// with adds a parameter to an address of ours.
func with(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	values := u.Query()
	values.Set(name, value)
	u.RawQuery = values.Encode()
	return u.String()
}

// pageURL is the address of another page of the same list; empty when there is
// none.
func (s *Server) pageURL(query admin.UserQuery, cursor string) string {
	if cursor == "" {
		return ""
	}
	query.Cursor = cursor
	return s.listURL("/admin/users", query)
}

// adminBulkPage asks once more before something is done to many.
type adminBulkPage struct {
	Act   string // block or sessions
	Users []auth.User
	Self  string // id of who looks at it by their own login, or empty
	Among bool   // the person who looks at it is among them
	Back  string // where to come back to
}

func (adminBulkPage) file() string { return "admin_bulk" }

// adminBulk does one thing to the people who were chosen in the list: first it
// shows who they are, then with confirm=yes it does it.
func (s *Server) adminBulk(w http.ResponseWriter, r *http.Request) error {
	// The list may have been anybody's words by now; only a list of people is
	// come back to.
	back := s.listURL("/admin/users", admin.UserQuery{})
	if asked, err := url.Parse(r.PostForm.Get("back")); err == nil && asked.Path == s.site.prefix+"/admin/users" && asked.Host == "" && asked.Scheme == "" {
		back = asked.String()
	}
	name := r.PostForm.Get("act")
	do, ok := map[string]act{"block": s.block, "sessions": s.endSessions}[name]
	ids := r.PostForm["id"]
	if !ok || len(ids) > admin.MaxPage {
		return auth.Failf(auth.BadRequest, "act %q on %d people", name, len(ids))
	}
	slices.Sort(ids)
	var users []auth.User
	for _, id := range slices.Compact(ids) {
		user, err := s.people.User(r.Context(), id)
		if auth.ReasonOf(err) == auth.NoSuchUser {
			continue // erased since the list was shown
		}
		if err != nil {
			return err
		}
		users = append(users, user)
	}
	if len(users) == 0 {
		return redirect(w, http.StatusSeeOther, with(back, "done", "bulk_nobody"))
	}
	if r.PostForm.Get("confirm") != "yes" {
		p := adminBulkPage{Act: name, Users: users, Self: adminOf(r).Person(), Back: back}
		p.Among = slices.ContainsFunc(users, func(u auth.User) bool { return u.ID == p.Self })
		return s.page(w, r, p)
	}
	for _, user := range users {
		err := do(r, adminOf(r).Confirming(user.ID), user.ID) // the page has shown them
		if err != nil && auth.ReasonOf(err) != auth.NoSuchUser {
			return err
		}
	}
	return redirect(w, http.StatusSeeOther, with(back, "done", map[string]string{"block": "bulk_blocked", "sessions": "bulk_sessions"}[name]))
}
