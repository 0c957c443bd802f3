package wechatsim

import (
	"net/http"
	"regexp"
	"strings"
)

// tokenShape distinguishes a malformed token (40014) from an unknown or replaced one
// (40001); the line between the two is inferred.
var tokenShape = regexp.MustCompile(`^[0-9]{2,}_[0-9A-Za-z_-]{40,}$`)

// withToken finds the grant of a call with access_token and openid, or the answer that
// refuses it. That the openid must match is official (40003); field reports suggest that the
// live server checks only the token.
func (s *Simulator) withToken(r *http.Request) (grant, reply, bool) {
	q := r.URL.Query()
	token, openid := q.Get("access_token"), q.Get("openid")
	fail := func(errcode int, person string) (grant, reply, bool) {
		rep := s.apiError(errcode)
		rep.secret, rep.person = token, person
		return grant{}, rep, false
	}
	switch {
	case token == "":
		return fail(41001, "")
	case openid == "":
		return fail(41009, "")
	case !tokenShape.MatchString(token):
		return fail(40014, "")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.tokens.get(token)
	switch {
	case !ok:
		return fail(40001, "")
	case g.access != token || !s.cfg.Now().Before(g.accessEnds):
		return fail(42001, g.person)
	case g.openid != openid:
		return fail(40003, g.person)
	}
	return *g, reply{}, true
}

// userinfo answers GET /sns/userinfo. lang is accepted and changes nothing: it translated
// the regions, which have been empty since 2021 (official).
func (s *Simulator) userinfo(r *http.Request) reply {
	g, rep, ok := s.withToken(r)
	if !ok {
		return rep
	}
	fail := func(errcode int) reply {
		rep := s.apiError(errcode)
		rep.secret, rep.person, rep.appID = g.access, g.person, g.app.AppID
		return rep
	}
	if g.scope == ScopeBase {
		return fail(48001)
	}
	p, ok := s.person(g.person)
	if !ok {
		return fail(40003) // fell off the shelf
	}
	if p.RawUserinfo != nil {
		rep = apiReply(p.RawUserinfo)
		rep.secret, rep.person, rep.appID = g.access, g.person, g.app.AppID
		return rep
	}
	if g.snapshot {
		// The whole profile is virtual (official), and the answer does not say so: only
		// the exchange's has the mark (field reports).
		p = Person{Key: virtualKey, Nickname: "微信用户"}
	}
	picture := p.HeadImgURL
	switch {
	case p.NoPicture:
		picture = ""
	case picture == "":
		picture = s.baseURL(r) + "/mmopen/vi_32/" + p.Key + "/132"
	}

	var o object
	o.text("openid", g.openid)
	o.text("nickname", p.Nickname)
	o.number("sex", p.Sex)
	o.text("language", p.Language)
	o.text("city", p.City)
	o.text("province", p.Province)
	o.text("country", p.Country)
	o.text("headimgurl", picture)
	o.list("privilege", p.Privilege)
	if g.unionid != "" {
		o.text("unionid", g.unionid)
	}
	rep = apiReply(o.bytes())
	rep.secret, rep.person, rep.appID = g.access, g.person, g.app.AppID
	return rep
}

// baseURL returns the beginning of the simulator's own addresses.
func (s *Simulator) baseURL(r *http.Request) string {
	if s.cfg.BaseURL != "" {
		return strings.TrimSuffix(s.cfg.BaseURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
