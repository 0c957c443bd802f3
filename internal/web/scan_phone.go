package web

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// scanTicket is the page that a phone opens with a code. A person who is not signed in signs in
// first and comes back.
func (s *Server) scanTicket(w http.ResponseWriter, r *http.Request) error {
	tk, ok := s.tickets.open(chi.URLParam(r, "ticket"))
	if !ok {
		return auth.Failf(auth.ScanSpent, "not a ticket")
	}
	if !s.inWeChat(r) {
		return s.page(w, r, messagePage{Icon: "info", Key: "scan_outside"})
	}
	visit, err := s.visitor(r)
	switch {
	case auth.ReasonOf(err) == auth.NotSignedIn:
		return redirect(w, http.StatusFound, s.loginPath("", s.ticketPath(tk), false))
	case err != nil:
		return err
	}
	// The desktop's session will count as a new login for the admin pages: so an admin has
	// to log in before the answer.
	if s.admins.Stale(visit) {
		account, err := s.accountFor(r, s.ticketPath(tk))
		if err != nil {
			return err
		}
		return s.toWeChat(w, r, account, flow{Scope: auth.ScopeBase, ReturnTo: s.ticketPath(tk)})
	}
	if err := s.scans.Open(r.Context(), tk.domain(), visit.User); err != nil {
		return err
	}
	client, err := s.clientByNumber(r.Context(), tk.Client)
	if err != nil {
		return err
	}
	p := scanAskPage{
		App:     client.Name,
		AppHost: client.Host(),
		User:    visit.User,
		Site:    s.config.PublicURL.Host,
		Device:  tk.Device,
		Number:  tk.Number,
		Seconds: int(max(0, s.now().Sub(tk.Started)) / time.Second),
		Admin:   s.admins.MayEnter(visit),
		Action:  s.ticketPath(tk),
	}
	if tk.Addr.IsValid() {
		p.Address = tk.Addr.String()
	}
	return s.page(w, r, p)
}

// scanAnswer takes the phone's yes or no. It answers with a page: a redirect would lead to a
// ticket that the desktop may have used by then.
func (s *Server) scanAnswer(w http.ResponseWriter, r *http.Request) error {
	tk, ok := s.tickets.open(chi.URLParam(r, "ticket"))
	if !ok {
		return auth.Failf(auth.ScanSpent, "not a ticket")
	}
	answer := r.PostForm.Get("answer")
	if answer != "confirm" && answer != "refuse" {
		return auth.Failf(auth.BadRequest, "neither confirm nor refuse")
	}
	visit, err := s.visitor(r)
	switch {
	case err != nil:
		return err // a page with a link to the login, as a form cannot be redirected there
	case answer == "confirm" && s.admins.Stale(visit):
		return auth.Fail(auth.SignInAgain, nil)
	}
	if err := s.scans.Answer(r.Context(), tk.domain(), visit.User.ID, answer == "confirm"); err != nil {
		return err
	}
	if answer == "confirm" {
		// Each desktop is one more session, and the least recently used one ends first: that
		// must not be the phone's.
		s.lastSeen.noteNow(&visit.Session, s.now())
		return s.page(w, r, messagePage{Icon: "success", Key: "scan_confirmed"})
	}
	return s.page(w, r, messagePage{Icon: "info", Key: "scan_refused"})
}
