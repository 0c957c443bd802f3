package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// adminLink shows the button that spends an admin link. Opening the address does not spend
// it: chat programs open addresses for previews and virus scans.
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

// endAdminSession ends the session of a browser let in by a link, which the address names.
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
	// An admin's own session opens the admin pages too, with or without one of a link.
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
	// No redirect: the visitor's own page might redirect to WeChat, and the browser does
	// not let a form be redirected there, see contentPolicy.
	requestStateOf(r).admin = nil
	return s.page(w, r, adminMessagePage{Icon: "success", Key: "admin_signed_out", Action: &link{Label: "action.home", Href: s.site.home()}})
}
