package wechatsim

import (
	"net/http"
	"net/url"
	"time"
)

// grant is a pair of tokens that a person has allowed.
type grant struct {
	access, refresh         string
	accessEnds, refreshEnds time.Time
	app                     *app
	person                  string
	openid, unionid         string
	scope                   string
	snapshot                bool
}

// misspent returns the errcode of a call that spends a code, 0 for a correct one. Which of
// several mistakes comes first is inferred, as it is undocumented.
func misspent(q url.Values, code string, a *app, ofItsKind bool) int {
	switch {
	case q.Get("appid") == "":
		return 41002
	case q.Get("secret") == "":
		return 41004
	case q.Get("grant_type") != "authorization_code":
		return 40002
	case code == "":
		return 41008
	case !ofItsKind:
		return 40013
	case !a.opens(q.Get("secret")):
		return 40125
	}
	return 0
}

// exchange answers GET /sns/oauth2/access_token.
func (s *Simulator) exchange(r *http.Request) reply {
	q := r.URL.Query()
	value := q.Get("code")
	a, known := s.app(q.Get("appid"))
	fail := func(errcode int) reply {
		rep := s.apiError(errcode)
		rep.code, rep.secret, rep.appID = value, value, a.appID()
		return rep
	}
	if errcode := misspent(q, value, a, known && a.Kind != MiniProgram); errcode != 0 {
		return fail(errcode)
	}
	c, errcode := s.spend(a, value, false)
	if errcode != 0 {
		rep := fail(errcode)
		rep.person = c.person
		return rep
	}

	now := s.cfg.Now()
	g := &grant{
		access: randomToken(), accessEnds: now.Add(TokenLifetime),
		refresh: randomToken(), refreshEnds: now.Add(RefreshLifetime),
		app: a, person: c.person, openid: c.openid, unionid: c.unionid,
		scope: c.scope, snapshot: c.snapshot,
	}
	s.mu.Lock()
	s.tokens.put(g.access, g)
	s.refreshes.put(g.refresh, g)
	s.mu.Unlock()

	rep := apiReply(tokenBody(*g))
	rep.code, rep.secret, rep.person, rep.appID = value, value, c.person, a.AppID
	rep.grant = g
	return rep
}

// tokenBody returns the answer to a successful exchange, with the keys in the order of
// samples. It has is_snapshotuser only if that is 1 (official), and unionid only if the
// account is bound, and not for snsapi_base (official).
func tokenBody(g grant) []byte {
	var o object
	o.text("access_token", g.access)
	o.number("expires_in", int(TokenLifetime.Seconds()))
	o.text("refresh_token", g.refresh)
	o.text("openid", g.openid)
	o.text("scope", g.scope)
	if g.unionid != "" && g.scope != ScopeBase {
		o.text("unionid", g.unionid)
	}
	if g.snapshot {
		o.number("is_snapshotuser", 1)
	}
	return o.bytes()
}

// refresh answers GET /sns/oauth2/refresh_token. While the access token is valid, it returns
// the same one with a longer life; afterwards it returns a new one (official). The refresh
// token stays the same and ends 30 days after the exchange in any case (official, for
// website logins).
func (s *Simulator) refresh(r *http.Request) reply {
	q := r.URL.Query()
	token := q.Get("refresh_token")
	a, known := s.app(q.Get("appid"))
	fail := func(errcode int) reply {
		rep := s.apiError(errcode)
		rep.secret, rep.appID = token, a.appID()
		return rep
	}
	switch {
	case q.Get("appid") == "":
		return fail(41002)
	case q.Get("grant_type") != "refresh_token":
		return fail(40002)
	case token == "":
		return fail(41003)
	case !known || a.Kind == MiniProgram:
		return fail(40013)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.refreshes.get(token)
	now := s.cfg.Now()
	switch {
	case !ok, g.app != a:
		return fail(40030)
	case !now.Before(g.refreshEnds):
		return fail(42002)
	}
	if !now.Before(g.accessEnds) {
		g.access = randomToken()
		s.tokens.put(g.access, g)
	}
	g.accessEnds = now.Add(TokenLifetime)

	// The keys have another order than in the exchange, and a comma follows the last scope
	// (samples): clients must split and drop the empty one.
	scopes := g.scope + ","
	if g.scope == ScopeUserinfo {
		scopes = "snsapi_base,snsapi_userinfo,"
	}
	var o object
	o.text("openid", g.openid)
	o.text("access_token", g.access)
	o.number("expires_in", int(TokenLifetime.Seconds()))
	o.text("refresh_token", g.refresh)
	o.text("scope", scopes)
	rep := apiReply(o.bytes())
	rep.secret, rep.person, rep.appID = token, g.person, a.AppID
	return rep
}

// auth answers GET /sns/auth. It is the only endpoint whose success has an errcode, 0
// (official).
func (s *Simulator) auth(r *http.Request) reply {
	g, rep, ok := s.withToken(r)
	if !ok {
		return rep
	}
	var o object
	o.number("errcode", 0)
	o.text("errmsg", "ok")
	rep = apiReply(o.bytes())
	rep.secret, rep.person, rep.appID = g.access, g.person, g.app.AppID
	return rep
}
