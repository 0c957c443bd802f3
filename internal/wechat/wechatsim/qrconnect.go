package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rsc.io/qr"
)

// scan is a QR code of a website's login and its state.
type scan struct {
	uuid   string
	req    request
	shown  time.Time
	person string // key of the person who has scanned it; "": nobody yet
	answer string // AnswerAllow, AnswerDeny or "": not yet
	target string // the callback, once there is one
}

const (
	scanLifetime = 5 * time.Minute // then 二维码已过期 (field reports)
	pollEvery    = "5"             // seconds; WeChat's page waits by script
)

// The states of a QR code in answers of /connect/l/qrconnect (field reports).
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

// qrconnect answers GET /connect/qrconnect, a website's login: a page with a QR code for a
// phone. A browser that belongs to somebody and answers the popup by itself (AutoConsent, or
// the cookies) continues at once, as with WeChat on the same computer (快速登录).
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

// changeScan changes a scan that can still be answered.
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

// framed reports whether the page is in a frame of the site, as wxLogin.js makes it, and has
// to leave the frame: unless self_redirect is true, the whole window goes to the callback
// (official).
func (sc scan) framed() bool {
	q, _ := url.ParseQuery(sc.req.raw)
	return q.Get("login_type") == "jssdk" && q.Get("self_redirect") != "true"
}

// qrPage is the page of a QR code as it reloads itself.
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

// inFrame allows a page in a frame of another site, as WeChat does.
func inFrame(rep reply) {
	rep.header.Del("X-Frame-Options")
	rep.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'")
}

// qrPicture answers GET /connect/qrcode/UUID. The code contains the address of
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

// pollScan answers GET /connect/l/qrconnect?uuid=…, which the script of WeChat's page polls
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
