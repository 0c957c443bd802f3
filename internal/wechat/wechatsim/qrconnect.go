package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rsc.io/qr"
)

// scan is a QR code of a website's login and what has become of it.
type scan struct {
	uuid   string
	req    request
	shown  time.Time
	person string // key of who has scanned it; "": nobody yet
	answer string // AnswerAllow, AnswerDeny or "": not yet
	target string // the callback, once there is one
}

const (
	scanLifetime = 5 * time.Minute // then 二维码已过期 (field reports)
	pollEvery    = "5"             // seconds; WeChat's page waits by script
)

// What /connect/l/qrconnect says of a QR code (field reports).
const (
	scanConfirmed = 405
	scanScanned   = 404
	scanDenied    = 403
	scanExpired   = 402
	scanWaiting   = 408
)

func (s *Simulator) qrconnectRoutes(mux *http.ServeMux) {
	mux.Handle("GET /connect/qrconnect", s.endpoint(Authorize, s.qrconnect))
	mux.Handle("GET /connect/qrcode/{uuid}", plain(s.qrPicture))
	mux.Handle("GET /connect/l/qrconnect", plain(s.pollScan))
	mux.Handle("GET /connect/confirm", plain(s.confirmOnPhone))
	mux.Handle("POST /connect/confirm", s.button(s.answerOnPhone))
	mux.Handle("GET /_sim/qr/{uuid}", s.button(s.qrPage))
	mux.Handle("POST /_sim/qr/{uuid}/scan", plain(s.scanHere))
	mux.Handle("POST /_sim/qr/{uuid}/answer", s.button(s.answerHere))
	mux.Handle("GET /_sim/top.js", asset("pages/top.js", "text/javascript; charset=utf-8"))
}

// qrconnect answers GET /connect/qrconnect, a website's login: a page with a QR code
// for a phone. A browser that is somebody's and answers the popup by itself (AutoConsent,
// or the cookies) goes on at once, as with WeChat on the same computer (快速登录).
func (s *Simulator) qrconnect(r *http.Request) reply {
	req, refused := s.check(r, true)
	if refused != nil {
		rep := s.refusalPage(*refused)
		inFrame(rep)
		return rep
	}
	if p, ok := s.owner(r); ok {
		var rep reply
		switch s.readyAnswer(r) {
		case AnswerAllow:
			rep = s.toCallback(req, p, false)
		case AnswerDeny:
			rep = s.toDenial(req, p)
		}
		if rep.status != 0 {
			rep.person, rep.appID = p.Key, req.app.AppID
			return rep
		}
	}
	sc := &scan{uuid: randomText(alnum, 16), req: req, shown: s.cfg.Now()}
	s.mu.Lock()
	s.scans.put(sc.uuid, sc)
	s.mu.Unlock()
	return s.showScan(*sc, "QR code")
}

func (s *Simulator) scanOf(uuid string) (scan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, ok := s.scans.get(uuid)
	if !ok {
		return scan{}, false
	}
	return *sc, true
}

// changeScan changes one that can still be answered.
func (s *Simulator) changeScan(uuid string, change func(*scan)) (scan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, ok := s.scans.get(uuid)
	switch {
	case !ok:
		return scan{}, errors.New("no such QR code")
	case sc.state(s.cfg.Now()) == scanExpired:
		return scan{}, errors.New("the QR code has expired")
	case sc.answer != "":
		return scan{}, errors.New("the QR code has been answered")
	}
	change(sc)
	return *sc, nil
}

func (sc scan) state(now time.Time) int {
	switch {
	case sc.answer == AnswerAllow:
		return scanConfirmed
	case sc.answer == AnswerDeny:
		return scanDenied
	case now.Sub(sc.shown) >= scanLifetime:
		return scanExpired
	case sc.person != "":
		return scanScanned
	}
	return scanWaiting
}

// framed says that the page stands in a site's own one, as wxLogin.js makes it, and
// has to leave it: unless self_redirect is true, the whole window goes to the callback
// (official).
func (sc scan) framed() bool {
	q, _ := url.ParseQuery(sc.req.raw)
	return q.Get("login_type") == "jssdk" && q.Get("self_redirect") != "true"
}

// qrPage is the page of a QR code, as it goes on by itself.
func (s *Simulator) qrPage(r *http.Request) reply {
	sc, ok := s.scanOf(r.PathValue("uuid"))
	if !ok {
		return reply{status: http.StatusNotFound, header: http.Header{}}
	}
	return s.showScan(sc, "QR code, again")
}

func (s *Simulator) showScan(sc scan, outcome string) reply {
	state := sc.state(s.cfg.Now())
	if state == scanConfirmed && !sc.framed() {
		rep := redirect(http.StatusFound, sc.target)
		rep.outcome, rep.person, rep.appID = "callback", sc.person, sc.req.app.AppID
		return rep
	}
	data := scanPage{Account: sc.req.app.Name, UUID: sc.uuid, Target: sc.target, Again: linkTo(sc.req.raw), Framed: sc.framed()}
	switch state {
	case scanWaiting:
		data.Waiting, data.People = true, s.shownPeople()
	case scanScanned:
		p, _ := s.person(sc.person)
		who := shown(p)
		data.Scanned = &who
	case scanConfirmed:
		data.Confirmed = true
	case scanDenied:
		data.Denied = true
	}
	rep := s.page("qrconnect", data)
	inFrame(rep)
	if state == scanWaiting || state == scanScanned {
		rep.header.Set("Refresh", pollEvery+"; url=/_sim/qr/"+sc.uuid)
	}
	rep.header.Set("X-Wechatsim-Uuid", sc.uuid)
	rep.outcome, rep.person, rep.appID = outcome, sc.person, sc.req.app.AppID
	return rep
}

// inFrame lets a page stand in another site's, as WeChat's may.
func inFrame(rep reply) {
	rep.header.Del("X-Frame-Options")
	rep.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'")
}

// qrPicture answers GET /connect/qrcode/UUID: what a phone reads is the address of
// /connect/confirm here.
func (s *Simulator) qrPicture(r *http.Request) reply {
	sc, ok := s.scanOf(r.PathValue("uuid"))
	if !ok {
		return reply{status: http.StatusNotFound, header: http.Header{}}
	}
	code, err := qr.Encode(s.baseURL(r)+"/connect/confirm?uuid="+sc.uuid, qr.M)
	if err != nil {
		return badForm(err)
	}
	return reply{status: http.StatusOK, body: code.PNG(), header: http.Header{"Content-Type": {"image/png"}}}
}

// pollScan answers GET /connect/l/qrconnect?uuid=…, which WeChat's page asks by script
// (field reports). Here it answers at once.
func (s *Simulator) pollScan(r *http.Request) reply {
	state, code := scanExpired, ""
	if sc, ok := s.scanOf(r.URL.Query().Get("uuid")); ok {
		state = sc.state(s.cfg.Now())
		if u, err := url.Parse(sc.target); err == nil {
			code = u.Query().Get("code")
		}
	}
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/javascript"}},
		body: fmt.Appendf(nil, "window.wx_errcode=%d;window.wx_code='%s';", state, code)}
}

// scanHere is the button of the page 用 TA 的手机扫.
func (s *Simulator) scanHere(r *http.Request) reply {
	uuid := r.PathValue("uuid")
	if err := s.scanBy(uuid, form(r).Get("person")); err != nil {
		return badForm(err)
	}
	return redirect(http.StatusSeeOther, "/_sim/qr/"+uuid)
}

// scanBy is somebody's phone that scans.
func (s *Simulator) scanBy(uuid, person string) error {
	p, ok := s.person(person)
	if !ok {
		return fmt.Errorf("nobody has the key %q", person)
	}
	_, err := s.changeScan(uuid, func(sc *scan) { sc.person = p.Key })
	if answer := s.Switches().AutoConsent; err == nil && answer != "" {
		_, err = s.answerScan(uuid, answer)
	}
	return err
}

// answerScan is that phone's 允许 or 拒绝.
func (s *Simulator) answerScan(uuid, answer string) (scan, error) {
	sc, ok := s.scanOf(uuid)
	switch {
	case answer != AnswerAllow && answer != AnswerDeny:
		return scan{}, fmt.Errorf("answer must be %s or %s", AnswerAllow, AnswerDeny)
	case !ok || sc.person == "":
		return scan{}, errors.New("nobody has scanned this QR code")
	}
	target := ""
	if answer == AnswerAllow {
		p, ok := s.person(sc.person)
		if !ok {
			return scan{}, errors.New("whoever scanned is gone")
		}
		target = sc.req.target(s.issue(sc.req.app, p, sc.req.scope, false, s.cfg.Now()))
	}
	return s.changeScan(uuid, func(sc *scan) { sc.answer, sc.target = answer, target })
}

// answerHere are the two buttons of the page, for a phone that is not there.
func (s *Simulator) answerHere(r *http.Request) reply {
	sc, err := s.answerScan(r.PathValue("uuid"), form(r).Get("answer"))
	if err != nil {
		return badForm(err)
	}
	var rep reply
	if sc.answer == AnswerAllow {
		// From a frame, the form's target is the whole window.
		rep = redirect(http.StatusFound, sc.target)
		rep.outcome = "callback"
	} else {
		rep = s.toDenial(sc.req, Person{})
		if rep.status == http.StatusOK {
			inFrame(rep)
		}
	}
	rep.person, rep.appID = sc.person, sc.req.app.AppID
	return rep
}

// confirmOnPhone answers GET /connect/confirm?uuid=…, what a phone has scanned.
func (s *Simulator) confirmOnPhone(r *http.Request) reply {
	uuid := r.URL.Query().Get("uuid")
	if !s.counts(r) {
		return s.refusalPage(refusal{sentence: "请在微信客户端打开链接", hint: "The phone's User-Agent must contain MicroMessenger and not wxwork."})
	}
	p, ok := s.owner(r)
	if !ok {
		return s.page("owner", ownerPage{People: s.shownPeople(), phonePage: s.phonePage(r), Query: "uuid=" + url.QueryEscape(uuid)})
	}
	if err := s.scanBy(uuid, p.Key); err != nil {
		return s.refusalPage(refusal{sentence: "二维码已过期", hint: err.Error()})
	}
	sc, _ := s.scanOf(uuid)
	return s.page("confirm", confirmPage{Account: sc.req.app.Name, UUID: uuid, Person: shown(p), Done: sc.answer != ""})
}

// answerOnPhone are the buttons of that page.
func (s *Simulator) answerOnPhone(r *http.Request) reply {
	f := form(r)
	p, ok := s.owner(r)
	sc, _ := s.scanOf(f.Get("uuid"))
	if !ok || sc.person != p.Key {
		return s.refusalPage(refusal{sentence: "二维码已过期", hint: "This phone has not scanned it."})
	}
	if _, err := s.answerScan(sc.uuid, f.Get("answer")); err != nil {
		return s.refusalPage(refusal{sentence: "二维码已过期", hint: err.Error()})
	}
	rep := s.page("confirm", confirmPage{Account: sc.req.app.Name, Person: shown(p), Done: true})
	rep.outcome, rep.person, rep.appID = "answered on the phone", p.Key, sc.req.app.AppID
	return rep
}

// postScan answers POST /_sim/scan: a phone for programs. The uuid is in the header
// X-Wechatsim-Uuid of the page with the QR code.
func (s *Simulator) postScan(r *http.Request) (any, error) {
	var in struct {
		UUID   string `json:"uuid"`
		Person string `json:"person"`
		Answer string `json:"answer"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.scanBy(in.UUID, in.Person); err != nil {
		return nil, err
	}
	sc, _ := s.scanOf(in.UUID)
	if in.Answer != "" && sc.answer == "" {
		var err error
		if sc, err = s.answerScan(in.UUID, in.Answer); err != nil {
			return nil, err
		}
	}
	return map[string]any{"state": sc.state(s.cfg.Now()), "location": sc.target}, nil
}
