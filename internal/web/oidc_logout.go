package web

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"wxlogin/internal/auth"
)

// A logout that an application has begun (OpenID Connect RP-Initiated Logout 1.0).

// maxDeparture bounds the query of a logout, in bytes: four ID tokens fit into it.
const maxDeparture = 16 << 10

// departure is a logout that an application asks for.
type departure struct {
	hint     *hint  // nil: no ID token of ours was sent
	clientID string // empty: unknown
	address  string // where the browser goes afterwards; empty: it stays with us
}

// signOutPage asks a person to confirm a logout.
type signOutPage struct {
	Name     string // of the application that asks; empty: unknown
	Action   string
	ClientID string
	Address  string
	State    string
}

func (signOutPage) file() string { return "sign_out" }

// readDeparture reads the query of a logout. An address that the client has not registered is
// ignored: the browser stays with us then.
func (s *Server) readDeparture(r *http.Request, values url.Values) (d departure, client auth.Client, err error) {
	one, err := single(values)
	if err != nil {
		return d, client, refuseParameter("?", "1")
	}
	d.clientID = one["client_id"]
	if token := one["id_token_hint"]; token != "" {
		h, err := s.readHint(r.Context(), token)
		if auth.KindOf(err) == auth.Unavailable {
			return d, client, err
		}
		if err == nil && (d.clientID == "" || d.clientID == h.Audience) {
			d.hint, d.clientID = h, h.Audience
		}
	}
	if d.clientID == "" {
		return d, client, nil
	}
	client, err = s.grants.Client(r.Context(), d.clientID)
	if auth.ReasonOf(err) == auth.NoSuchClient {
		return departure{}, auth.Client{}, nil
	}
	if err != nil {
		return d, client, err
	}
	if uri := one["post_logout_redirect_uri"]; uri != "" && slices.Contains(client.LogoutURIs, uri) {
		d.address = uri
		if state := one["state"]; state != "" {
			d.address = withQuery(uri, url.Values{"state": {state}})
		}
	}
	return d, client, nil
}

// clientLogout signs a person out whom an application has sent: at once if it names their
// session by an ID token of ours, otherwise after a confirmation.
func (s *Server) clientLogout(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "same-origin")
	d, client, err := s.readDeparture(r, r.URL.Query())
	if err != nil {
		return err
	}
	visit, err := s.live(r, s.cookies.visitor)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		if d.address == "" {
			http.SetCookie(w, s.signedOutCookie("signed_out", signedOutLifetime))
		}
		return s.depart(w, d)
	case err != nil:
		return err
	case d.hint != nil && d.hint.Session == visit.Session.ID && d.hint.Subject == visit.User.ID:
		if err := s.signOut(w, r); err != nil {
			return err
		}
		return s.depart(w, d)
	}
	query := r.URL.Query()
	return s.page(w, r, signOutPage{
		Name: client.Name, Action: s.site.prefix + "/oidc/logout/confirm",
		ClientID: d.clientID, Address: query.Get("post_logout_redirect_uri"), State: query.Get("state"),
	})
}

// depart redirects the browser to where it goes after a logout.
func (s *Server) depart(w http.ResponseWriter, d departure) error {
	return redirect(w, http.StatusSeeOther, cmp.Or(d.address, s.site.home()))
}

// clientLogoutByForm redirects a form as GET: it came without our cookie.
func (s *Server) clientLogoutByForm(w http.ResponseWriter, r *http.Request) error {
	query := s.sentQuery(r)
	if len(query) > maxDeparture {
		return auth.Failf(auth.TooLarge, "a logout of %d bytes", len(query))
	}
	return redirect(w, http.StatusSeeOther, s.site.absolute("/oidc/logout?"+query))
}

// confirmLogout is the logout after the person has confirmed it.
func (s *Server) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	d, _, err := s.readDeparture(r, r.PostForm)
	if err != nil {
		return err
	}
	if err := s.signOut(w, r); err != nil {
		return err
	}
	if d.address == "" {
		return s.depart(w, d)
	}
	return s.page(w, r, onwardPage{template.URL(d.address)})
}
