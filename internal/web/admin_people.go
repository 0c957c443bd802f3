package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// adminUsersPage is the list of people.
type adminUsersPage struct {
	Users     []auth.User
	Query     admin.UserQuery
	Form      url.Values     // the parameters, as they were written
	More      bool           // they contain days or a place
	Apart     bool           // they cannot be combined with the filter
	Tokenless bool           // the filter cannot be combined with the account, which has no tokens
	Accounts  []auth.Account // to choose from; nil: there is only one
	Account   string         // name of the chosen one; empty: any
	Total     admin.Total    // of matching people
	Filters   []admin.Filter
	Sorts     []admin.Sort
	Sizes     []pageSize
	NextURL   string // empty on the last page
	PrevURL   string // empty on the first
	CSVURL    string // of all matching people
	JSONURL   string
	Megabyte  int64             // the approximate size of an export, at least; 0: small
	SortURLs  map[string]string // where the heading of a column leads
	Chosen    map[string]bool   // by id
	Picked    bool              // everyone on the page is chosen
	PickURL   string            // the same page with everyone chosen, or nobody
	Here      string            // this page, to come back to
	Done      string            // key of what has just been done, or empty
}

func (adminUsersPage) file() string { return "admin_users" }

// Of returns the names of the accounts in which a person has an identity.
func (p adminUsersPage) Of(user auth.User) (names []string) {
	for _, identity := range user.AllIdentities() {
		i := slices.IndexFunc(p.Accounts, func(a auth.Account) bool { return a.AppID == identity.AppID })
		if i >= 0 && !slices.Contains(names, p.Accounts[i].Name) {
			names = append(names, p.Accounts[i].Name)
		}
	}
	return names
}

// rowBytes is the approximate size of one person in an export.
const rowBytes = 500

// narrowing are the parameters that narrow a list, without the search and the filter, which
// the page always shows.
var narrowing = []string{"first_from", "first_to", "last_from", "last_to", "province", "city"}

// adminUsers is the list of people.
func (s *Server) adminUsers(w http.ResponseWriter, r *http.Request) error {
	query, err := s.userQuery(r)
	if err != nil {
		return err
	}
	query.Total = true
	var list admin.UserPage
	apart := s.checkApart(query) != nil
	if !apart {
		if list, err = s.lists.Users(r.Context(), query); err != nil {
			return ofCursor(err)
		}
	}
	asked := r.URL.Query()
	form := carryOver(asked, slices.Concat([]string{"q", "filter", "account", "sort", "limit"}, narrowing)...)
	address := s.address("/admin/users", form)
	here := withCursor(address, query.Cursor)
	exported := carryOver(form, slices.Concat([]string{"q", "filter", "account", "sort"}, narrowing)...)
	p := adminUsersPage{
		Users:     list.Users,
		Query:     query,
		Form:      form,
		More:      len(carryOver(form, narrowing...)) > 0,
		Total:     list.Total,
		Filters:   s.userFilters(),
		Apart:     apart,
		Tokenless: s.tokenless(query),
		Account:   asked.Get("account"),
		Sizes:     pageSizes(address, query.Limit),
		CSVURL:    s.address("/api/admin/users.csv", exported),
		JSONURL:   s.address("/api/admin/users.json", exported),
		Megabyte:  list.Total.N * rowBytes / 1e6,
		SortURLs:  make(map[string]string),
		Chosen:    make(map[string]bool),
		Picked:    asked.Get("pick") == "all",
		PickURL:   here,
		Here:      here,
		Done:      done(r),
	}
	if len(s.rules.Accounts) > 1 {
		p.Accounts = s.rules.Accounts
	}
	p.Query.Sort = query.Order()
	for _, sort := range admin.Sorts {
		if query.Sort = sort; query.Order() == sort { // days may fix the column of the order
			p.Sorts = append(p.Sorts, sort)
			column := strings.TrimSuffix(strings.TrimPrefix(string(sort), "-"), "_login_at")
			down := sort[0] == '-'
			if down && p.Query.Sort != sort || !down && p.Query.Sort == "-"+sort {
				p.SortURLs[column] = with(address, "sort", string(sort))
			}
		}
	}
	p.NextURL, p.PrevURL = pageOf(address, "cursor", list.Next), pageOf(address, "cursor", list.Prev)
	for _, id := range asked["pick"] {
		p.Chosen[id] = true
	}
	if !p.Picked {
		p.PickURL = with(here, "pick", "all")
	}
	return s.page(w, r, p)
}

// userFilters returns the filters that the list of people offers: those by followers only if
// WeChat is asked.
func (s *Server) userFilters() []admin.Filter {
	if s.config.Following != nil {
		return admin.Filters
	}
	return slices.DeleteFunc(slices.Clone(admin.Filters), func(f admin.Filter) bool {
		return f == admin.FilterSubscribed || f == admin.FilterUnsubscribed
	})
}

func (s *Server) address(path string, values url.Values) string {
	if len(values) == 0 {
		return s.site.prefix + path
	}
	return s.site.prefix + path + "?" + values.Encode()
}

// with returns an address of ours with a parameter set to the values.
func with(address, name string, values ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	query := u.Query()
	query[name] = values
	u.RawQuery = query.Encode()
	return u.String()
}

// withCursor returns the address of the page at a cursor; the first page for an empty one.
func withCursor(address, cursor string) string {
	if cursor == "" {
		return address
	}
	return with(address, "cursor", cursor)
}

// pageOf returns the address of the page at a cursor, which goes into the parameter; empty
// for an empty cursor.
func pageOf(address, parameter, cursor string) string {
	if cursor == "" {
		return ""
	}
	return with(address, parameter, cursor)
}

// pageSize is a page size that a list offers.
type pageSize struct {
	N    int
	URL  string
	Here bool // the list has this size
}

// pageSizes returns the page sizes that a list offers, the present one among them. Each
// address leads to the first page.
func pageSizes(address string, limit int) (sizes []pageSize) {
	if limit == 0 {
		limit = admin.DefaultPage
	}
	offered := []int{20, admin.DefaultPage, 100, 200}
	if !slices.Contains(offered, limit) {
		offered = append(offered, limit)
		slices.Sort(offered)
	}
	for _, n := range offered {
		sizes = append(sizes, pageSize{n, with(address, "limit", strconv.Itoa(n)), n == limit})
	}
	return sizes
}

// listParameters returns the parameters of a list that a person's page can lead back to; ok
// is false for any other address.
func listParameters(path string) (names []string, ok bool) {
	switch {
	case path == "/admin/users":
		return slices.Concat([]string{"q", "filter", "account", "sort", "limit", "cursor"}, narrowing), true
	case path == "/admin/events":
		return []string{"action", "who", "from", "to", "limit", "cursor"}, true
	case path == joinsPath:
		return joinsParameters, true
	case clientPathForm.MatchString(path):
		return []string{"limit", "cursor"}, true
	}
	return nil, false
}

// backToList returns the list that the request says it came from; the list of people when it
// says none. The request may say anything, so the address is rebuilt from known parts and
// always leads to a list of ours.
func (s *Server) backToList(r *http.Request) string {
	asked, err := url.Parse(r.FormValue("back"))
	if err == nil && asked.Host == "" && asked.Scheme == "" {
		path, ok := strings.CutPrefix(asked.Path, s.site.prefix)
		if names, known := listParameters(path); ok && known {
			return s.address(path, carryOver(asked.Query(), names...))
		}
	}
	return s.site.prefix + "/admin/users"
}

// adminBulkPage asks for confirmation before an act on several people.
type adminBulkPage struct {
	Act   string // block or sessions
	Users []auth.User
	Self  string // the id of a viewer who acts by their own login, or empty
	Among bool   // the viewer is one of Users
	Back  string // the list to come back to
	Again string // the same list, with these people chosen
}

func (adminBulkPage) file() string { return "admin_bulk" }

// maxPicked is how many ids fit into an address that every proxy accepts.
const maxPicked = 100

// adminBulk does one act on the people who were chosen in the list: first it shows who they
// are, then, with confirm=yes, it acts.
func (s *Server) adminBulk(w http.ResponseWriter, r *http.Request) error {
	back := s.backToList(r)
	name := r.PostForm.Get("act")
	do, ok := map[string]act{"block": s.block, "sessions": s.endSessions}[name]
	ids := r.PostForm["id"]
	if !ok || len(ids) > admin.MaxPage {
		return auth.Failf(auth.BadRequest, "act %q on %d people", name, len(ids))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var users []auth.User
	for _, id := range ids {
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
		p := adminBulkPage{Act: name, Users: users, Self: adminOf(r).Person(), Back: back, Again: back}
		if len(ids) <= maxPicked {
			p.Again = with(back, "pick", ids...)
		}
		p.Among = slices.ContainsFunc(users, func(u auth.User) bool { return u.ID == p.Self })
		return s.page(w, r, p)
	}
	for _, user := range users {
		err := do(r, adminOf(r).Confirming(user.ID), user.ID) // the page has shown who they are
		if err != nil && auth.ReasonOf(err) != auth.NoSuchUser {
			return err
		}
	}
	return redirect(w, http.StatusSeeOther, with(back, "done", map[string]string{"block": "bulk_blocked", "sessions": "bulk_sessions"}[name]))
}
