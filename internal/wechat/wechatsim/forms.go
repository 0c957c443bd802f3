package wechatsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const maxForm = 64 << 10

// form reads a form of the simulator's own pages.
func form(r *http.Request) url.Values {
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	if r.ParseForm() != nil {
		return url.Values{}
	}
	return r.PostForm
}

// formPhone sets whose phone the browser is, and returns to the page it came from.
func (s *Simulator) formPhone(r *http.Request) reply {
	f := form(r)
	p, ok := s.person(f.Get("person"))
	if !ok {
		return backToControl("", "phone")
	}
	return plays(hold(onward(f.Get("query"), "phone"), p.Key), f)
}

// formBrowser sets which phone the browser plays.
func (s *Simulator) formBrowser(r *http.Request) reply {
	return plays(backToControl("browser", "phone"), form(r))
}

// plays sets the cookie of the phone that a form has chosen; "" means none.
func plays(rep reply, f url.Values) reply {
	if !f.Has("phone") {
		return rep
	}
	if _, ok := PhoneNamed(f.Get("phone")); ok {
		setCookie(rep, CookiePhone, f.Get("phone"))
	} else {
		dropCookie(rep, CookiePhone)
	}
	return rep
}

// formPerson adds a person; from the page 这是谁的手机 the browser becomes their phone at
// once.
func (s *Simulator) formPerson(r *http.Request) reply {
	f := form(r)
	sex, _ := strconv.Atoi(f.Get("sex"))
	p := s.AddPerson(Person{
		Nickname: f.Get("nickname"), Sex: sex, Language: "zh_CN", Country: f.Get("country"),
		Province: f.Get("province"), City: f.Get("city"), Color: f.Get("color"),
		Snapshot: f.Get("snapshot") != "",
	})
	if f.Get("hold") == "" {
		return backToControl("person", "people")
	}
	return hold(onward(f.Get("query"), "phone"), p.Key)
}

// scanQuery is the query of a phone that has scanned a code and belongs to nobody yet.
var scanQuery = regexp.MustCompile(`^uuid=[0-9A-Za-z]{16}$`)

// onward redirects to the link that the visitor came with, or to the control page. The
// target is always the simulator itself.
func onward(query, word string) reply {
	q, err := url.ParseQuery(query)
	if q.Get("login_type") == "jssdk" {
		q.Set("response_type", "code")
	}
	if _, hint := misshape(query, q, true); err != nil || hint != "" && !scanQuery.MatchString(query) {
		return backToControl(word, "phone")
	}
	return redirect(http.StatusSeeOther, linkTo(query))
}

func hold(rep reply, key string) reply {
	setCookie(rep, CookiePerson, key)
	dropCookie(rep, CookieFull) // another phone, another visit
	return rep
}

// formForget makes the browser belong to nobody.
func (s *Simulator) formForget(*http.Request) reply {
	rep := backToControl("forgot", "phone")
	dropCookie(rep, CookiePerson)
	dropCookie(rep, CookieFull)
	dropCookie(rep, CookieConsent)
	dropCookie(rep, CookiePhone)
	return rep
}

// formFull presses 使用完整服务 for this browser.
func (s *Simulator) formFull(*http.Request) reply {
	rep := backToControl("full", "phone")
	setCookie(rep, CookieFull, "1")
	return rep
}

func setCookie(rep reply, name, value string) {
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	rep.header.Add("Set-Cookie", c.String())
}

func dropCookie(rep reply, name string) {
	c := http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	rep.header.Add("Set-Cookie", c.String())
}

func (s *Simulator) formSwitches(r *http.Request) reply {
	f := form(r)
	expired, _ := strconv.Atoi(f.Get("expired_code"))
	sw := Switches{
		DenyStyle: f.Get("deny_style"), AutoConsent: f.Get("auto_consent"),
		RememberConsent: f.Get("remember_consent") != "", ExpiredCode: expired,
		NoUserinfoScope: f.Get("no_userinfo_scope") != "",
		AnyOrder:        f.Get("any_order") != "", EmptyState: f.Get("empty_state") != "", AllowPost: f.Get("allow_post") != "",
	}
	if err := sw.check(); err != nil {
		return badForm(err)
	}
	s.SetSwitches(sw)
	return backToControl("switches", "switches")
}

func (s *Simulator) formClear(*http.Request) reply {
	s.ClearFaults()
	return backToControl("clear", "faults")
}

// formKind is a line of the list 故障 on the control page: a fault with one
// parameter.
type formKind struct {
	Name, Label string
	fault       func(param string) (Fault, error)
}

func fixed(f Fault) func(string) (Fault, error) {
	return func(string) (Fault, error) { return f, nil }
}

func withNumber(make func(int) Fault) func(string) (Fault, error) {
	return func(param string) (Fault, error) {
		n, err := strconv.Atoi(strings.TrimSpace(param))
		return make(n), err
	}
}

func withDuration(make func(time.Duration) Fault) func(string) (Fault, error) {
	return func(param string) (Fault, error) {
		d, err := time.ParseDuration(strings.TrimSpace(param))
		return make(d), err
	}
}

var formKinds = []formKind{
	{"errcode", "errcode …（code 仍可用 code stays good）", withNumber(func(n int) Fault { return Fault{Errcode: n} })},
	{"errcode-spent", "errcode …（code 已消耗 code spent）", withNumber(func(n int) Fault { return Fault{Errcode: n, ConsumeCode: true} })},
	{"status", "HTTP 状态 status …", withNumber(func(n int) Fault {
		return Fault{Status: n, Body: []byte(gatewayPage), Header: http.Header{"Content-Type": {"text/html"}}}
	})},
	{"body", "返回正文 body …", func(param string) (Fault, error) { return Fault{Body: []byte(param)}, nil }},
	{"delay", "延迟 delay …（3s）", withDuration(func(d time.Duration) Fault { return Fault{Delay: d} })},
	{"drip", "逐字节 a byte every …（100ms）", withDuration(func(d time.Duration) Fault { return Fault{Drip: d} })},
	{"redirect", "重定向 redirect to …", func(param string) (Fault, error) { return Fault{RedirectTo: param}, nil }},
	{"hang", "不回答 hang", fixed(Fault{Hang: true})},
	{"cut", "断开，无回答 cut", fixed(Fault{CutBefore: true})},
	{"cut-body", "断在正文中 cut mid-body", fixed(Fault{CutMidBody: true})},
	{"endless", "没完没了的正文 endless body", fixed(Fault{Endless: true})},
	{"snapshot", "快照页 snapshot", fixed(Fault{Snapshot: true})},
}

// formFault plans a fault: a named preset, or kind and parameter.
func (s *Simulator) formFault(r *http.Request) reply {
	f := form(r)
	times, _ := strconv.Atoi(f.Get("times"))
	endpoint, fault, err := Endpoint(f.Get("endpoint")), Fault{}, error(nil)
	if name := f.Get("preset"); name != "" {
		p, ok := presetNamed(name)
		if !ok {
			return badForm(errNoPreset(name))
		}
		endpoint, fault = p.Endpoint, p.Fault
	} else {
		for _, k := range formKinds {
			if k.Name == f.Get("kind") {
				fault, err = k.fault(f.Get("param"))
			}
		}
	}
	fault.Times = times
	if err == nil {
		err = checkFault(endpoint, fault)
	}
	if err != nil {
		return badForm(err)
	}
	s.Plan(endpoint, fault)
	return backToControl("fault", "faults")
}

func badForm(err error) reply {
	return reply{status: http.StatusBadRequest, body: []byte(err.Error() + "\n"),
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
}
