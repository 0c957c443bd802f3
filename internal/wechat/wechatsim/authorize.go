package wechatsim

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// request is an authorize link that has passed every check.
type request struct {
	raw        string // the query as it came, to carry on through forms
	app        *app
	callback   *url.URL
	scope      string
	state      string
	selfHop    bool // connect_redirect=1: WeChat's client does not ask a second time
	forcePopup bool
	forceSnap  bool
}

// stateShape allows a-zA-Z0-9 (official), - as accepted in practice (field reports), and _,
// which is as harmless.
var stateShape = regexp.MustCompile(`^[0-9A-Za-z_-]*$`)

const maxState = 128 // bytes (official)

// isWeChat reports whether the browser is WeChat's. WeCom's User-Agent has MicroMessenger in
// it too (field reports).
func isWeChat(userAgent string) bool {
	ua := strings.ToLower(userAgent)
	return strings.Contains(ua, "micromessenger") && !strings.Contains(ua, "wxwork")
}

// refusal is the error of a link: WeChat's number (0: it shows none), its sentence if that
// does not follow from the number, and, which WeChat would not say, the wrong parameter and
// a hint for the developer.
type refusal struct {
	number    int
	sentence  string
	parameter string
	hint      string
}

// check checks the link of an official account's login as strictly as WeChat says that it
// does, unless a switch allows more. A website's link (qrconnect) may come from any browser,
// with parameters in any order, as several libraries in use send it, and with a state of any
// length (field reports).
func (s *Simulator) check(r *http.Request, website bool) (request, *refusal) {
	raw, sw := r.URL.RawQuery, s.Switches()
	q, err := url.ParseQuery(raw)
	switch {
	case !website && !s.counts(r):
		return request{}, &refusal{sentence: "请在微信客户端打开链接",
			hint: "The User-Agent must contain MicroMessenger and not wxwork. Set it in the browser's developer tools, choose a phone on the simulator's page, or let it take any browser."}
	case err != nil:
		return request{}, &refusal{sentence: "该链接无法访问", hint: "The query cannot be decoded: " + err.Error()}
	case q.Get("appid") == "":
		return request{}, &refusal{number: 10012, parameter: "appid"}
	case q.Get("redirect_uri") == "":
		return request{}, &refusal{number: 10011, parameter: "redirect_uri"}
	case q.Get("scope") == "":
		return request{}, &refusal{number: 10010, parameter: "scope"}
	case q.Has("state") && q.Get("state") == "" && !sw.EmptyState:
		return request{}, &refusal{number: 10013, parameter: "state", hint: "state may be left out (official) but not be empty. A switch lets it pass."}
	}
	if website && q.Get("login_type") == "jssdk" && !q.Has("response_type") {
		q.Set("response_type", "code") // wxLogin.js leaves it out
	}
	if parameter, hint := misshape(raw, q, website || sw.AnyOrder); hint != "" {
		return request{}, &refusal{sentence: "该链接无法访问", parameter: parameter, hint: hint}
	}
	state := q.Get("state")
	a, known := s.app(q.Get("appid"))
	switch {
	case strings.HasPrefix(q.Get("appid"), "gh_"):
		return request{}, &refusal{number: 1, sentence: "系统错误", parameter: "appid", hint: "gh_… is the account's original id, not its AppID."}
	case !known:
		return request{}, &refusal{sentence: "AppID 参数错误", parameter: "appid", hint: "This simulator plays " + s.appIDs() + " only."}
	case website: // no further rules for its state are known
	case len(state) > maxState:
		return request{}, &refusal{sentence: "state 参数过长", parameter: "state", hint: "state too long: at most 128 bytes."}
	case !stateShape.MatchString(state):
		return request{}, &refusal{sentence: "state 参数错误", parameter: "state", hint: "state may have letters and digits only (official); - and _ pass here too."}
	}
	if refused := s.checkKind(a, website); refused != nil {
		return request{}, refused
	}
	if refused := checkScope(q.Get("scope"), website, sw); refused != nil {
		return request{}, refused
	}
	callback, hint := s.checkCallback(a, q.Get("redirect_uri"))
	if callback == nil {
		return request{}, &refusal{number: 10003, parameter: "redirect_uri", hint: hint}
	}
	return request{
		raw: raw, app: a, callback: callback, scope: q.Get("scope"), state: state,
		selfHop:    q.Get("connect_redirect") == "1",
		forcePopup: q.Get("forcePopup") == "true",
		forceSnap:  q.Get("forceSnapShot") == "true",
	}, nil
}

// checkScope checks the scope: each of the two products has its own (official).
func checkScope(scope string, website bool, sw Switches) *refusal {
	refused := refusal{number: 10005, parameter: "scope"}
	switch {
	case website && scope != ScopeLogin:
		refused.hint = "The scope of a website's login (/connect/qrconnect) is snsapi_login."
	case !website && scope == ScopeLogin:
		refused.hint = "snsapi_login is the scope of a website's login, /connect/qrconnect; here it must be snsapi_base or snsapi_userinfo."
	case !website && scope != ScopeBase && scope != ScopeUserinfo:
		refused.hint = "scope must be snsapi_base or snsapi_userinfo."
	case scope == ScopeUserinfo && sw.NoUserinfoScope:
		refused.hint = "A switch on the control page takes snsapi_userinfo from this account."
	default:
		return nil
	}
	return &refused
}

// checkKind checks the AppID's kind: each of the two products has its own AppIDs (official).
func (s *Simulator) checkKind(a *app, website bool) *refusal {
	switch {
	case !website && a.Kind == Website:
		return &refusal{number: 10016, parameter: "appid", hint: a.AppID + " is a website application's, whose login is /connect/qrconnect."}
	case a.Kind == MiniProgram:
		return &refusal{sentence: "AppID 参数错误", parameter: "appid", hint: a.AppID + " is a mini program's, whose login is wx.login."}
	case website && a.Kind != Website && s.hasWebsite():
		return &refusal{number: 10005, parameter: "appid", hint: a.AppID + " is an official account's, whose login is /connect/oauth2/authorize."}
	}
	return nil
}

// checkCallback accepts absolute http and https addresses on a registered host, which must
// be equal (official: no subdomains, and no ports but 80 and 443).
func (s *Simulator) checkCallback(a *app, text string) (*url.URL, string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, "redirect_uri must be an absolute http or https address."
	case u.User != nil:
		return nil, "redirect_uri must not carry a user name."
	}
	if len(a.CallbackHosts) == 0 {
		if isLoopback(u.Hostname()) {
			return u, ""
		}
		return nil, u.Host + " is not a loopback host; name it among the simulator's callback hosts."
	}
	if slices.ContainsFunc(a.CallbackHosts, func(host string) bool { return sameHost(u, host) }) {
		return u, ""
	}
	return nil, u.Host + " is not registered. Registered: " + strings.Join(a.CallbackHosts, ", ")
}

func sameHost(u *url.URL, registered string) bool {
	if strings.EqualFold(u.Host, registered) {
		return true
	}
	port := u.Port()
	return (port == "80" || port == "443") && strings.EqualFold(strings.TrimSuffix(u.Host, ":"+port), registered)
}

func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// authorize answers GET /connect/oauth2/authorize.
func (s *Simulator) authorize(r *http.Request) reply {
	req, refused := s.check(r, false)
	if refused != nil {
		return s.refusalPage(*refused)
	}
	p, ok := s.owner(r)
	if !ok {
		rep := s.page("owner", ownerPage{People: s.shownPeople(), phonePage: s.phonePage(r), Query: req.raw})
		rep.outcome, rep.appID = "whose phone", req.app.AppID
		return rep
	}
	rep := s.decide(r, req, p)
	rep.person, rep.appID = p.Key, req.app.AppID
	return rep
}

// decide continues an authorization once the phone's owner is known.
func (s *Simulator) decide(r *http.Request, req request, p Person) reply {
	if req.scope == ScopeBase {
		return s.toCallback(req, p, false)
	}
	if req.scope == ScopeUserinfo && cookie(r, CookieFull) != "1" {
		planned := s.take(Authorize, func(f Fault) bool { return f.Snapshot })
		if planned != nil || p.Snapshot || req.forceSnap {
			return s.toCallback(req, p, true)
		}
	}
	sw := s.Switches()
	answer := s.readyAnswer(r)
	switch {
	case answer == AnswerAllow:
		return s.toCallback(req, p, false)
	case answer == AnswerDeny:
		return s.toDenial(req, p)
	case sw.RememberConsent && !req.forcePopup && s.hasConsented(req.app, p.Key):
		return s.toCallback(req, p, false)
	}
	rep := s.page("consent", consentPage{Account: req.app.Name, Person: shown(p), Query: template.URL(req.raw)})
	rep.outcome = "popup"
	return rep
}

// readyAnswer returns the answer to the consent popup if it is answered without being
// shown; "" otherwise.
func (s *Simulator) readyAnswer(r *http.Request) string {
	if answer := cookie(r, CookieConsent); answer != "" {
		return answer
	}
	return s.Switches().AutoConsent
}

// refuse returns the authorize page with one of WeChat's numbers.
func (s *Simulator) refuse(_ *http.Request, number int, hint string) reply {
	return s.refusalPage(refusal{number: number, hint: hint})
}

func (s *Simulator) refusalPage(refused refusal) reply {
	if refused.sentence == "" {
		refused.sentence = pageErrors[refused.number]
	}
	if refused.sentence == "" {
		refused.sentence = "系统错误"
	}
	rep := s.page("refused", refusedPage{Number: refused.number, Sentence: refused.sentence, Parameter: refused.parameter, Hint: refused.hint})
	rep.errcode, rep.parameter = refused.number, refused.parameter
	rep.outcome = "refused: " + refused.sentence
	return rep
}
