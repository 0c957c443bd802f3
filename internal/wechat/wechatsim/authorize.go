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
	callback   *url.URL
	scope      string
	state      string
	selfHop    bool // connect_redirect=1: WeChat's client does not ask a second time
	forcePopup bool
	forceSnap  bool
}

// linkShape is the order that the official guide says is checked by a regular
// expression. Extras are taken only behind state (inferred); beside the
// documented ones they are what WeChat's client adds by itself (field reports).
var linkShape = regexp.MustCompile(`^appid=[^&]*&redirect_uri=[^&]*&response_type=code&scope=[^&]*(&state=[^&]*)?` +
	`(&(connect_redirect|forcePopup|forceSnapShot|uin|key|pass_ticket|exportkey|version|lang)=[^&]*)*$`)

// stateShape: a-zA-Z0-9 (official); - is taken in practice (field reports), _
// is as harmless.
var stateShape = regexp.MustCompile(`^[0-9A-Za-z_-]*$`)

const maxState = 128 // bytes (official)

// isWeChat says whether the browser is WeChat's. WeCom's has MicroMessenger in
// its name too (field reports).
func isWeChat(userAgent string) bool {
	ua := strings.ToLower(userAgent)
	return strings.Contains(ua, "micromessenger") && !strings.Contains(ua, "wxwork")
}

// refusal is what is wrong with a link: WeChat's number (0: it shows none),
// its sentence where that does not follow from the number, and a hint for the
// developer that WeChat would not give.
type refusal struct {
	number   int
	sentence string
	hint     string
}

// check reads an authorize link as strictly as WeChat says it does.
func (s *Simulator) check(r *http.Request) (request, *refusal) {
	raw := r.URL.RawQuery
	q, err := url.ParseQuery(raw)
	switch {
	case !s.cfg.AnyBrowser && !isWeChat(r.UserAgent()):
		return request{}, &refusal{sentence: "请在微信客户端打开链接",
			hint: "The User-Agent must contain MicroMessenger and not wxwork. Set it in the browser's developer tools, or let the simulator take any browser."}
	case err != nil:
		return request{}, &refusal{sentence: "该链接无法访问", hint: "The query cannot be decoded: " + err.Error()}
	case q.Get("appid") == "":
		return request{}, &refusal{number: 10012}
	case q.Get("redirect_uri") == "":
		return request{}, &refusal{number: 10011}
	case q.Get("scope") == "":
		return request{}, &refusal{number: 10010}
	case q.Has("state") && q.Get("state") == "":
		return request{}, &refusal{number: 10013, hint: "state may be left out (official) but not be empty."}
	case !linkShape.MatchString(raw):
		return request{}, &refusal{sentence: "该链接无法访问",
			hint: "The parameters must be appid, redirect_uri, response_type=code, scope, state, in this order and once each; redirect_uri must be percent-encoded; forcePopup, forceSnapShot and connect_redirect come after state. Go's url.Values sorts them wrongly."}
	case strings.HasPrefix(q.Get("appid"), "gh_"):
		return request{}, &refusal{number: 1, sentence: "系统错误", hint: "gh_… is the account's original id, not its AppID."}
	case q.Get("appid") != s.cfg.AppID:
		return request{}, &refusal{sentence: "AppID 参数错误", hint: "This simulator plays " + s.cfg.AppID + " only."}
	case len(q.Get("state")) > maxState:
		return request{}, &refusal{sentence: "state 参数过长", hint: "state too long: at most 128 bytes."}
	case !stateShape.MatchString(q.Get("state")):
		return request{}, &refusal{sentence: "state 参数错误", hint: "state may have letters and digits only (official); - and _ pass here too."}
	}

	sw := s.Switches()
	scope := q.Get("scope")
	switch {
	case scope != ScopeBase && scope != ScopeUserinfo:
		return request{}, &refusal{number: 10005, hint: "scope must be snsapi_base or snsapi_userinfo."}
	case scope == ScopeUserinfo && sw.NoUserinfoScope:
		return request{}, &refusal{number: 10005, hint: "A switch on the control page takes snsapi_userinfo from this account."}
	}
	callback, hint := s.checkCallback(q.Get("redirect_uri"))
	if callback == nil {
		return request{}, &refusal{number: 10003, hint: hint}
	}
	return request{
		raw: raw, callback: callback, scope: scope, state: q.Get("state"),
		selfHop:    q.Get("connect_redirect") == "1",
		forcePopup: q.Get("forcePopup") == "true",
		forceSnap:  q.Get("forceSnapShot") == "true",
	}, nil
}

// checkCallback admits absolute http and https addresses on a registered host,
// compared whole (official: no subdomains, and no ports but 80 and 443).
func (s *Simulator) checkCallback(text string) (*url.URL, string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, "redirect_uri must be an absolute http or https address."
	case u.User != nil:
		return nil, "redirect_uri must not carry a user name."
	}
	if len(s.cfg.CallbackHosts) == 0 {
		if isLoopback(u.Hostname()) {
			return u, ""
		}
		return nil, u.Host + " is not a loopback host; name it among the simulator's callback hosts."
	}
	if slices.ContainsFunc(s.cfg.CallbackHosts, func(host string) bool { return sameHost(u, host) }) {
		return u, ""
	}
	return nil, u.Host + " is not registered. Registered: " + strings.Join(s.cfg.CallbackHosts, ", ")
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
	req, refused := s.check(r)
	if refused != nil {
		return s.refusalPage(*refused)
	}
	p, ok := s.owner(r)
	if !ok {
		rep := s.page("owner", ownerPage{People: s.shownPeople(), Query: req.raw})
		rep.outcome = "whose phone"
		return rep
	}
	rep := s.decide(r, req, p)
	rep.person = p.Key
	return rep
}

// decide does what follows once it is known whose phone it is.
func (s *Simulator) decide(r *http.Request, req request, p Person) reply {
	if req.scope == ScopeBase {
		return s.toCallback(req, p, false)
	}
	if cookie(r, CookieFull) != "1" {
		planned := s.take(Authorize, func(f Fault) bool { return f.Snapshot })
		if planned != nil || p.Snapshot || req.forceSnap {
			return s.toCallback(req, p, true)
		}
	}
	sw := s.Switches()
	answer := cookie(r, CookieConsent)
	if answer == "" {
		answer = sw.AutoConsent
	}
	switch {
	case answer == AnswerAllow:
		return s.toCallback(req, p, false)
	case answer == AnswerDeny:
		return s.toDenial(req, p)
	case sw.RememberConsent && !req.forcePopup && s.hasConsented(p.Key):
		return s.toCallback(req, p, false)
	}
	rep := s.page("consent", consentPage{Account: s.cfg.AccountName, Person: shown(p), Query: template.URL(req.raw)})
	rep.outcome = "popup"
	return rep
}

// refuse is the authorize page with one of WeChat's numbers.
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
	rep := s.page("refused", refusedPage{Number: refused.number, Sentence: refused.sentence, Hint: refused.hint})
	rep.errcode = refused.number
	rep.outcome = "refused: " + refused.sentence
	return rep
}

// qrconnect is where the website QR login would be.
func (s *Simulator) qrconnect(*http.Request) reply {
	return s.refusalPage(refusal{sentence: "这里没有网站扫码登录",
		hint: "/connect/qrconnect is the website login (snsapi_login), another product with another AppID. This simulator plays the official account's /connect/oauth2/authorize."})
}
