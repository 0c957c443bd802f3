package web

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// clientFacts are an application's settings, as `server client show` prints them, without
// its secret.
type clientFacts struct {
	ID           string
	Name         string
	Host         string // empty: on people's own machines
	RedirectURIs []string
	LogoutURIs   []string
	Backchannel  string
	Account      string
	Alg          auth.Alg
	Flags        []string // those of clientFlags that are set
	Groups       []string // whose members may sign in; none: everybody may
	CreatedAt    time.Time
}

func newClientFacts(c *auth.Client) clientFacts {
	f := clientFacts{
		ID: c.ID, Name: c.Name, Host: c.Host(), RedirectURIs: c.RedirectURIs, LogoutURIs: c.LogoutURIs, Backchannel: c.Backchannel,
		Account: c.Account, Alg: c.Alg, Groups: c.Groups, CreatedAt: c.CreatedAt,
	}
	for i, set := range []bool{c.Public(), c.Native, c.Trusted, c.Email, c.WeChat, c.Backchannel != ""} {
		if set {
			f.Flags = append(f.Flags, clientFlags[i])
		}
	}
	return f
}

// clientFlags are the on-off settings of an application; the words are client.flag.NAME.
var clientFlags = []string{"public", "native", "trusted", "email", "wechat", "told"}

// Argument returns the name, quoted for a shell.
func (f clientFacts) Argument() string {
	if plainWord.MatchString(f.Name) {
		return f.Name
	}
	return "'" + strings.ReplaceAll(f.Name, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[\p{L}\p{N}_.][\p{L}\p{N}_.-]*$`)

// adminClientsPage is the list of applications.
type adminClientsPage struct {
	Clients []listedClient
}

func (adminClientsPage) file() string { return "admin_clients" }

type listedClient struct {
	clientFacts
	Use admin.ClientUse
}

// adminClientPage is one application and its people.
type adminClientPage struct {
	Client  clientFacts
	Issuer  string
	Use     admin.ClientUse
	People  []admin.Access
	Sizes   []pageSize
	Here    string // this page, to come back to
	NextURL string // empty on the last page
	PrevURL string // empty on the first
	Done    string // key of what has just been done, or empty
}

func (adminClientPage) file() string { return "admin_client" }

// adminClients is the list of applications. They are added and changed at a shell.
func (s *Server) adminClients(w http.ResponseWriter, r *http.Request) error {
	clients, err := s.admins.Clients(r.Context())
	if err != nil {
		return err
	}
	use, err := s.admins.Use(r.Context(), clients)
	if err != nil {
		return err
	}
	var p adminClientsPage
	for i, c := range clients {
		p.Clients = append(p.Clients, listedClient{newClientFacts(&c), use[i]})
	}
	return s.page(w, r, p)
}

// adminClient is one application.
func (s *Server) adminClient(w http.ResponseWriter, r *http.Request) error {
	client, err := s.grants.Client(r.Context(), chi.URLParam(r, "client"))
	if auth.ReasonOf(err) == auth.NoSuchClient {
		return auth.Fail(auth.NoSuchPage, err)
	}
	if err != nil {
		return err
	}
	form, err := wholeQuery(r)
	if err != nil {
		return err
	}
	query := admin.AccessQuery{Cursor: form.Get("cursor")}
	if query.Limit, err = limitOf(form); err != nil {
		return err
	}
	people, err := s.admins.AccessTo(r.Context(), client, query)
	if err != nil {
		return ofCursor(err)
	}
	use, err := s.admins.Use(r.Context(), []auth.Client{client})
	if err != nil {
		return err
	}
	address := s.address(clientPath(client.ID), carryOver(r.URL.Query(), "limit"))
	p := adminClientPage{
		Client: newClientFacts(&client), Issuer: s.issuer(), Use: use[0], People: people.People,
		Sizes: pageSizes(address, query.Limit), Here: withCursor(address, query.Cursor), Done: done(r),
	}
	p.NextURL, p.PrevURL = pageOf(address, "cursor", people.Next), pageOf(address, "cursor", people.Prev)
	return s.page(w, r, p)
}

func clientPath(id string) string { return "/admin/clients/" + id }

// clientPathForm matches the address of an application's page, below the prefix.
var clientPathForm = regexp.MustCompile(`^/admin/clients/[0-9a-z]{1,64}$`)

// endAppHere ends an application's access to a person, and shows the application's people
// again.
func (s *Server) endAppHere(w http.ResponseWriter, r *http.Request) error {
	if err := s.endApp(r, adminOf(r), chi.URLParam(r, "id")); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, with(s.backToList(r), "done", "app"))
}
