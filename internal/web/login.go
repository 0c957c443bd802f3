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

// loginPath returns the address that begins a login: by an account, or, if that is empty, by
// the account of the return address.
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
		scope = auth.ScopeBase // only to check who is there
	}
	if account.Kind == auth.WebsiteAccount {
		scope = auth.ScopeLogin // the only one of such accounts
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

// toWeChat begins a trip by an account and redirects the browser to WeChat.
func (s *Server) toWeChat(w http.ResponseWriter, r *http.Request, account auth.Account, fl flow) error {
	address, err := s.beginTrip(w, r, account, fl)
	if err != nil {
		return err
	}
	return redirect(w, http.StatusFound, address)
}

// beginTrip begins a trip by an account, and returns WeChat's address.
func (s *Server) beginTrip(w http.ResponseWriter, r *http.Request, account auth.Account, fl flow) (address string, err error) {
	fl.Account = account.Name
	if fl, err = s.flows.begin(w, r, fl); err != nil {
		return "", err
	}
	address, err = s.auth.AuthorizeURL(account, auth.Authorization{
		State: fl.State,
		Scope: fl.Scope,
		// From the configuration, never from the request: a Host header must not decide
		// where WeChat sends a code.
		RedirectURI: s.site.absolute(CallbackPath(account.Name)),
		SingleHop:   !onDesktop(r),
	})
	if err != nil {
		return "", err
	}
	if r.Method != http.MethodHead { // HEAD comes from monitors, which do not follow
		s.config.Started(fl.Scope, s.inWeChat(r) || fl.Scope == auth.ScopeLogin)
	}
	return address, nil
}

// CallbackPath returns the path, below the public URL, to which WeChat sends browsers back
// for an account. Each account has its own, so that no code is taken for another account's.
func CallbackPath(account string) string {
	if account == auth.MainAccount {
		return "/callback"
	}
	return "/callback/" + account
}

// stateForm matches our states, and the longer ones of older versions.
var stateForm = regexp.MustCompile(`^[0-9A-Za-z]{26,128}$`)

// checkState accepts only callbacks that this browser asked for: the state has to be that of
// one of the browser's flows, and the flow of the account whose callback this is. For any
// other callback nothing leaves the process.
//
// Back and old tabs lead to callbacks whose flow has ended. A person who is signed in is
// redirected to their page; anybody else gets an error page with a link to a new login.
func (s *Server) checkState(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		// The address contains a code, and no page here contains a form.
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

// refuse counts a callback that is refused before its code is used.
func (s *Server) refuse(err *auth.Error) error {
	s.config.Refused(err.Reason)
	return err
}

// maxCode bounds a code; those seen have 32 characters.
const maxCode = 512

// maxTries is how often a trip is restarted without the person. WeChat's answer may stay the
// same, and a browser must not loop.
const maxTries = 1

// callback is where WeChat sends the browser back to.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	fl := requestStateOf(r).flow // never nil, because of checkState
	code := r.URL.Query().Get("code")
	// Today WeChat does not send people back who refuse; older clients came back without a
	// code or with this one (field reports).
	if code == "" || code == "authdeny" {
		return s.refuse(auth.Fail(auth.Cancelled, nil))
	}
	if len(code) > maxCode {
		return s.refuse(auth.Failf(auth.BadRequest, "a code of %d bytes", len(code)))
	}
	account, err := s.rules.Named(fl.Account)
	if err != nil {
		return s.refuse(auth.Fail(auth.NoSuchAccount, err)) // removed from the settings meanwhile
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
	if visit == nil { // an unknown person
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

// notSignedIn answers a callback whose login has failed. For some reasons the browser goes on
// all the same: with another trip, or with the session that it has.
func (s *Server) notSignedIn(w http.ResponseWriter, r *http.Request, fl flow, err error) error {
	if auth.ReasonOf(err) == auth.CodeSpent {
		return s.spent(w, r, fl, err)
	}
	if s.mayGoOn(w, r, fl, err) {
		return fromWeChat(w, fl.ReturnTo)
	}
	return err
}

// fromWeChat redirects a browser that WeChat has sent back. The address at WeChat ended in
// #wechat_redirect, and browsers keep a fragment through redirects until an address has its
// own: an empty one is enough.
func fromWeChat(w http.ResponseWriter, address string) error {
	if !strings.Contains(address, "#") {
		address += "#"
	}
	return redirect(w, http.StatusSeeOther, address)
}

// note only logs that an audit log entry could not be saved: the act itself has succeeded.
func (s *Server) note(r *http.Request, err error) {
	if err != nil {
		s.log.WarnContext(r.Context(), "audit log entry not saved", "request_id", requestID(r), "error", err)
	}
}

// consentOf returns the version of the text that the person agreed to before the trip: the
// one that our consent page, which begins such trips, shows at present.
func (s *Server) consentOf(fl flow) string {
	if fl.Scope == auth.ScopeUserinfo && s.rules.Mode == auth.ModeAuto && fl.Link == "" {
		return s.consentVersion()
	}
	return ""
}

// consentVersion returns the version of the consent text, as this server shows it.
func (s *Server) consentVersion() string {
	if s.config.Following != nil {
		return ConsentVersion + "-followers" // that text has one more line
	}
	return ConsentVersion
}

// spent answers a code that no longer works: a used one from the browser's history, an
// expired one, or one whose answer was lost. A person who is signed in is redirected to
// their page; otherwise the trip is restarted, once, with the same scope.
func (s *Server) spent(w http.ResponseWriter, r *http.Request, fl flow, err error) error {
	if visit, visitErr := s.visitor(r); visitErr == nil && !s.wantsFresh(fl.ReturnTo, visit) {
		return fromWeChat(w, fl.ReturnTo)
	}
	if fl.Tries >= maxTries {
		return err
	}
	s.log.InfoContext(r.Context(), "login restarted: code no longer valid", "request_id", requestID(r), "error", err)
	account, unknown := s.rules.Named(fl.Account)
	if unknown != nil {
		return unknown
	}
	return s.toWeChat(w, r, account, flow{Scope: fl.Scope, ReturnTo: fl.ReturnTo, Tries: fl.Tries + 1})
}
