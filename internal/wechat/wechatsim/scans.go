package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// scanHere answers the button 用 TA 的手机扫.
func (s *Simulator) scanHere(r *http.Request) reply {
	uuid := r.PathValue("uuid")
	if err := s.scanBy(uuid, form(r).Get("person")); err != nil {
		return badForm(err)
	}
	return redirect(http.StatusSeeOther, "/_sim/qr/"+uuid)
}

// scanBy scans a code with a person's phone.
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

// answerScan answers a scanned code: 允许 or 拒绝.
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

// answerHere answers the two buttons of the page, which stand in for a phone.
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

// confirmOnPhone answers GET /connect/confirm?uuid=…, the address that a phone has scanned.
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

// answerOnPhone answers the buttons of that page.
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

// postScan answers POST /_sim/scan, which scans a code for programs. The uuid is in the
// header X-Wechatsim-Uuid of the page with the QR code.
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
