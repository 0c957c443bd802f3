package web

import (
	"net/http"
	"strings"

	"wxlogin/internal/auth"
)

// errorPage shows a person what happened, in their language, and one link to go on.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, status int, reason auth.Reason, detail string) {
	p := messagePage{Icon: "warn", Key: "reason." + string(reason), Detail: detail}
	switch reason {
	case auth.Snapshot:
		p.Icon = "info" // WeChat's own button 使用完整服务 leads on, no link of ours can
	case auth.Blocked, auth.PersonLimited, auth.WeChatRefused, auth.NotInGroup:
		p.Icon = "info"
	case auth.Cancelled:
		p.Icon = "info"
		p.Action = s.startAgain(r)
	case auth.ScanSpent:
		p.Icon = "info" // the desktop shows a new code
	case auth.NotSignedIn, auth.SignInAgain:
		p.Icon = "info"
		p.Action = &link{Label: "action.sign_in", Href: s.signInPath(r, s.backTo(r))}
		if s.isForwardAuth(r) {
			p = s.refusedForwardAuth(r)
		}
	default:
		p.Action = s.startAgain(r)
		if reason == auth.StoreDown && p.Action.Label == "action.home" {
			p.Action = &link{Label: "action.reload", Href: s.backTo(r)} // the request itself was in order
		}
	}
	var shown page = p
	if strings.HasPrefix(s.below(r), "/admin") {
		message := adminMessagePage{Icon: p.Icon, Key: p.Key, Detail: p.Detail}
		switch reason {
		case auth.NotSignedIn, auth.SignInAgain:
			message.Icon, message.Action = "warn", p.Action
		case auth.StoreDown:
			message.Action = p.Action
		case auth.NoSuchUser: // the text refers to the list
			message.Action = &link{Label: "admin.people", Href: s.site.prefix + "/admin/users"}
		case auth.NoSuchJoin:
			message.Action = &link{Label: "admin.joins", Href: s.site.prefix + "/admin/joins"}
		}
		shown = message
	}
	s.writePage(w, r, status, shown)
}

// backTo returns where to go on after signing in: to the requested page, or to the page that
// led to it, if a browser cannot request it again.
func (s *Server) backTo(r *http.Request) string {
	path := s.below(r)
	switch {
	case s.isForwardAuth(r):
		return s.forwardAuthBack(r)
	case path == "/api/me/erase":
		return s.site.prefix + "/erase"
	case path == "/api/me/export" || strings.HasPrefix(path, "/me/"):
		return s.site.prefix + "/me"
	case strings.HasPrefix(path, "/scan/"):
		return s.site.returnTo(r.URL.EscapedPath()) // with the ticket: shows the question again
	case strings.HasPrefix(path, "/api/admin/"), strings.HasPrefix(path, "/admin") && r.Method != http.MethodGet:
		return s.site.prefix + "/admin"
	case strings.HasPrefix(path, "/api/") || r.Method != http.MethodGet:
		return s.site.home()
	}
	return s.site.returnTo(r.URL.RequestURI())
}

// startAgain returns the link of an error page: to the login again if the error happened on
// the way back from WeChat, else to the visitor's own page.
func (s *Server) startAgain(r *http.Request) *link {
	fl := requestStateOf(r).flow
	if fl != nil && fl.Link != "" || strings.HasPrefix(s.below(r), "/me/") {
		return &link{Label: "action.my_data", Href: s.site.prefix + "/me"}
	}
	if fl != nil {
		return &link{Label: "action.try_again", Href: s.loginPath(s.accountToKeep(*fl), fl.ReturnTo, fl.Scope == auth.ScopeUserinfo)}
	}
	if strings.HasPrefix(s.below(r), "/callback") {
		return &link{Label: "action.try_again", Href: s.loginPath("", s.site.home(), false)}
	}
	return &link{Label: "action.home", Href: s.site.home()}
}
