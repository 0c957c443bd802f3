package web

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// loginPath is the address that begins a login, by an account, or with an empty one by
// that of the place it leads to.
func (s *Server) loginPath(account, returnTo string, consent bool) string {
	address := s.site.prefix + "/login?"
	if consent {
		address += "consent=1&"
	}
	return address + accountParameter(account) + "return_to=" + url.QueryEscape(returnTo)
}

// login sends the browser to WeChat.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	returnTo := s.returnTo(r)
	account, err := s.accountFor(r, returnTo)
	if err != nil {
		return err
	}
	consent := r.URL.Query().Get("consent") == "1"
	scope := s.rules.Mode.ScopeFor(consent)
	if visit, err := s.live(r, s.cookies.visitor); err == nil && !consent && s.due(r, visit) {
		scope = auth.ScopeBase // all that is asked is who is there
	}
	if account.Kind == auth.WebsiteAccount {
		scope = auth.ScopeLogin // the one that they have
	}
	if s.goesRound(r, returnTo) {
		return s.comesToRest(w, r, returnTo)
	}
	if s.signedOutNotice(r) != "" {
		http.SetCookie(w, s.signedOutCookie("", -1))
	}
	if account.Kind == auth.WebsiteAccount && s.config.QRFrame && !onPhone(r) {
		return s.showWebsite(w, r, account)
	}
	return s.toWeChat(w, r, account, flow{Scope: scope, ReturnTo: returnTo})
}

// toWeChat sends a browser on a trip by an account.
func (s *Server) toWeChat(w http.ResponseWriter, r *http.Request, account auth.Account, fl flow) error {
	address, err := s.beginTrip(w, r, account, fl)
	if err != nil {
		return err
	}
	return redirect(w, http.StatusFound, address)
}

// beginTrip begins a trip by an account, and says where it goes.
func (s *Server) beginTrip(w http.ResponseWriter, r *http.Request, account auth.Account, fl flow) (address string, err error) {
	fl.Account = account.Name
	if fl, err = s.flows.begin(w, r, fl); err != nil {
		return "", err
	}
	address, err = s.auth.AuthorizeURL(account, auth.Authorization{
		State: fl.State,
		Scope: fl.Scope,
		// From the configuration and never from the request: a Host header must
		// not choose where WeChat sends a code.
		RedirectURI: s.site.absolute(CallbackPath(account.Name)),
		SingleHop:   !onDesktop(r),
	})
	if err != nil {
		return "", err
	}
	if r.Method != http.MethodHead { // a monitor's, who goes nowhere
		s.config.Started(fl.Scope, s.inWeChat(r) || fl.Scope == auth.ScopeLogin)
	}
	return address, nil
}

// CallbackPath is where WeChat comes back to by an account, below the public URL: each
// has its own, so that nothing that comes back by one is taken for another's.
func CallbackPath(account string) string {
	if account == auth.MainAccount {
		return "/callback"
	}
	return "/callback/" + account
}

// stateForm is what a state of ours, and of an older version with longer ones,
// can look like.
var stateForm = regexp.MustCompile(`^[0-9A-Za-z]{26,128}$`)

// checkState lets a callback through that this browser asked for: its state is
// one of the flows that the browser holds, and the flow is of the account whose
// callback this is. Nothing leaves the process for any other.
//
// A flow that is gone is what Back and old tabs lead to. Somebody signed in then
// goes straight to their page; anybody else is told and offered a new start.
func (s *Server) checkState(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		// The address holds a code, and no page here holds a form.
		w.Header().Set("Referrer-Policy", "no-referrer")
		query := r.URL.Query()
		states, codes := query["state"], query["code"]
		if len(states) != 1 || len(codes) > 1 || !stateForm.MatchString(states[0]) {
			return s.refuse(auth.Failf(auth.StateMismatch, "%d states and %d codes, or not a state of ours", len(states), len(codes)))
		}
		fl, ok := s.flows.find(r, states[0])
		if ok && fl.Account != cmp.Or(chi.URLParam(r, "account"), auth.MainAccount) {
			return s.refuse(auth.Failf(auth.StateMismatch, "the flow is of account %q, and the callback of another", fl.Account))
		}
		if !ok {
			err := s.refuse(auth.Failf(auth.StateMismatch, "no flow of this browser"))
			if _, visitErr := s.live(r, s.cookies.visitor); visitErr == nil {
				return fromWeChat(w, s.site.home())
			}
			return err
		}
		requestStateOf(r).flow = &fl
		next.ServeHTTP(w, r)
		return nil
	})
}

// refuse counts a callback that no login comes of.
func (s *Server) refuse(err *auth.Error) error {
	s.config.Refused(err.Reason)
	return err
}

// maxCode bounds a code; those seen have 32 characters.
const maxCode = 512

// maxTries is how often a trip is begun again by itself. WeChat's answer may be
// the same for ever, and a browser must come to rest.
const maxTries = 1

// callback is where WeChat sends the browser back to.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	fl := requestStateOf(r).flow // never nil: checkState stands before
	code := r.URL.Query().Get("code")
	// Who refuses is not sent back at all today; older clients came without a code
	// or with this one (field reports).
	if code == "" || code == "authdeny" {
		return s.refuse(auth.Fail(auth.Cancelled, nil))
	}
	if len(code) > maxCode {
		return s.refuse(auth.Failf(auth.BadRequest, "a code of %d bytes", len(code)))
	}
	account, err := s.rules.Named(fl.Account)
	if err != nil {
		return s.refuse(auth.Fail(auth.NoSuchAccount, err)) // taken out of the settings meanwhile
	}
	linkTo, err := s.linksTo(r, *fl)
	if err != nil {
		return err
	}
	visit, err := s.auth.SignIn(r.Context(), auth.Arrival{
		Account:   account,
		State:     fl.State,
		Code:      code,
		Scope:     fl.Scope,
		Token:     fl.Token,
		Replaces:  s.currentTokenHash(r),
		LinkTo:    linkTo,
		Consent:   s.consentOf(*fl),
		Device:    device(r),
		RequestID: requestID(r),
	})
	if auth.ReasonOf(err) == auth.IdentityClash {
		s.note(r, s.admins.RecordIdentityClash(r.Context(), device(r)))
	}
	switch {
	case linkTo != nil:
		return linked(w, *fl, visit, err)
	case err != nil:
		return s.notSignedIn(w, r, *fl, err)
	}
	if visit == nil { // somebody unknown
		if err := s.endOther(w, r); err != nil {
			return err
		}
		return fromWeChat(w, s.consentPath(s.accountToKeep(*fl), fl.ReturnTo))
	}
	if err := s.cookies.hand(w, r, s.cookies.visitor, fl.Token); err != nil {
		return err
	}
	s.note(r, s.admins.RecordSignIn(r.Context(), visit))
	if s.shouldRenew(r, *fl, visit) {
		http.SetCookie(w, s.renewalCookie())
		return redirect(w, http.StatusSeeOther, s.consentPath(s.accountToKeep(*fl), fl.ReturnTo)+"&renew=1")
	}
	s.arrived(w, r, *fl)
	return fromWeChat(w, fl.ReturnTo)
}

// notSignedIn is where a login leads that has failed: for some reasons to where it
// would have led.
func (s *Server) notSignedIn(w http.ResponseWriter, r *http.Request, fl flow, err error) error {
	if auth.ReasonOf(err) == auth.CodeSpent {
		return s.spent(w, r, fl, err)
	}
	if s.mayGoOn(w, r, fl, err) {
		return fromWeChat(w, fl.ReturnTo)
	}
	return err
}

// fromWeChat sends a browser on that WeChat has sent back. Its address there ended
// in #wechat_redirect, and browsers carry a fragment through redirects until one
// has its own: an empty one does.
func fromWeChat(w http.ResponseWriter, address string) error {
	if !strings.Contains(address, "#") {
		address += "#"
	}
	return redirect(w, http.StatusSeeOther, address)
}

// note passes over an entry of the audit log that could not be made: what it is
// about has happened.
func (s *Server) note(r *http.Request, err error) {
	if err != nil {
		s.log.WarnContext(r.Context(), "not recorded", "request_id", requestID(r), "error", err)
	}
}

// consentOf is the version of the text that a trip for the profile began with:
// the one our consent page, which leads to such trips, shows by now.
func (s *Server) consentOf(fl flow) string {
	if fl.Scope == auth.ScopeUserinfo && s.rules.Mode == auth.ModeAuto && fl.Link == "" {
		return s.consentVersion()
	}
	return ""
}

// spent answers a code that is good for nothing more: a used one from the
// history, an expired one, one whose answer was lost. Somebody signed in goes to
// their page; else the trip is begun again, once, and silently if it was silent.
func (s *Server) spent(w http.ResponseWriter, r *http.Request, fl flow, err error) error {
	if visit, visitErr := s.visitor(r); visitErr == nil && !s.wantsFresh(fl.ReturnTo, visit) {
		return fromWeChat(w, fl.ReturnTo)
	}
	if fl.Tries >= maxTries {
		return err
	}
	s.log.InfoContext(r.Context(), "login begun again", "request_id", requestID(r), "error", err)
	account, unknown := s.rules.Named(fl.Account)
	if unknown != nil {
		return unknown
	}
	return s.toWeChat(w, r, account, flow{Scope: fl.Scope, ReturnTo: fl.ReturnTo, Tries: fl.Tries + 1})
}
