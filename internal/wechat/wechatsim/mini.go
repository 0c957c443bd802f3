package wechatsim

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
)

// WXLogin makes a code as wx.login does in a mini program on a person's phone. It panics for
// an unknown key and for an AppID that is not a mini program's, which is a mistake of the
// caller.
func (s *Simulator) WXLogin(appID, personKey string) string {
	p, a := s.mustPerson(personKey), s.mustApp(appID)
	if a.Kind != MiniProgram {
		panic("wechatsim: " + appID + " is no mini program's AppID")
	}
	return s.wxLogin(a, p)
}

func (s *Simulator) wxLogin(a *app, p Person) string {
	return s.shelve(&code{
		value: randomCode(), app: a, person: p.Key, openid: a.openID(p), unionid: a.unionID(p), mini: true, issued: s.cfg.Now(),
	})
}

// codeToSession answers GET /sns/jscode2session. A code is valid once, for five minutes
// (official); afterwards it is 40163 if it was used (field reports) and 40029 otherwise
// (official). The answer has a unionid if the mini program is bound to an Open Platform
// account (official, since 2021).
func (s *Simulator) codeToSession(r *http.Request) reply {
	q := r.URL.Query()
	value := q.Get("js_code")
	a, known := s.app(q.Get("appid"))
	var c code // zero until a code is spent
	fail := func(errcode int) reply {
		rep := s.apiError(errcode)
		rep.code, rep.secret, rep.person, rep.appID = value, value, c.person, a.appID()
		if wrongParameter[errcode] == "code" {
			rep.parameter = "js_code"
		}
		return rep
	}
	if errcode := misspent(q, value, a, known && a.Kind == MiniProgram); errcode != 0 {
		return fail(errcode)
	}
	var errcode int
	if c, errcode = s.spend(a, value, true); errcode != 0 {
		return fail(errcode)
	}
	p, ok := s.person(c.person)
	switch {
	case !ok:
		return fail(40029) // fell off the shelf
	case p.Risky:
		return fail(40226)
	case s.tooManySessions(a, p.Key):
		return fail(45011)
	}
	key := make([]byte, 16)
	rand.Read(key) // never fails
	var o object
	o.text("session_key", base64.StdEncoding.EncodeToString(key))
	o.text("openid", c.openid)
	if c.unionid != "" {
		o.text("unionid", c.unionid)
	}
	rep := apiReply(o.bytes())
	rep.code, rep.secret, rep.person, rep.appID = value, value, c.person, a.AppID
	return rep
}

func (s *Simulator) tooManySessions(a *app, person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := a.sessionCounts[person]
	if !ok {
		c = &counter{}
		a.sessionCounts[person] = c
	}
	return c.full(minuteOf(s.cfg.Now()), s.cfg.Quotas.CodesMinute)
}
