package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// adminLink shows the button that spends an admin link. Opening the address does
// not: previews and scanners of chat programs open addresses too.
func (s *Server) adminLink(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the token
	token := r.URL.Query().Get("token")
	if token == "" {
		return auth.Fail(auth.LinkSpent, nil)
	}
	return s.page(w, r, adminLinkPage{Token: token})
}

func (s *Server) useAdminLink(w http.ResponseWriter, r *http.Request) error {
	token, err := s.admins.UseLink(r.Context(), auth.Secret(r.PostFormValue("token")), device(r))
	if err != nil {
		return err
	}
	if err := s.cookies.hand(w, r, s.cookies.admin, token); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin")
}

// endAdminSession puts the browser out that the address names.
func (s *Server) endAdminSession(w http.ResponseWriter, r *http.Request) error {
	if err := s.admins.EndAdminSession(r.Context(), adminOf(r), chi.URLParam(r, "session")); err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, s.site.prefix+"/admin?done=admin_session")
}

func (s *Server) adminLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.cookies.end(w, r, s.cookies.admin); err != nil {
		return err
	}
	// An admin's own session opens the pages too, with or without a link's.
	visit, err := s.visitor(r)
	if err != nil && auth.ReasonOf(err) != auth.NotSignedIn {
		return err
	}
	if err == nil && s.admins.MayEnter(visit) {
		if err := s.cookies.end(w, r, s.cookies.visitor); err != nil {
			return err
		}
		http.SetCookie(w, s.signedOutCookie("signed_out", signedOutLifetime))
	}
	if err := s.admins.RecordSignOut(r.Context(), adminOf(r)); err != nil {
		return err
	}
	// No redirect: the visitor's own page might lead on to WeChat, where the browser
	// does not let a form's redirects go, see contentPolicy.
	requestStateOf(r).admin = nil
	return s.page(w, r, adminMessagePage{Icon: "success", Key: "admin_signed_out", Action: &link{Label: "action.home", Href: s.site.home()}})
}
