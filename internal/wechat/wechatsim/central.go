package wechatsim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// central is an access token of cgi-bin, which belongs to an account and not to a person.
type central struct {
	value string
	app   *app
	ends  time.Time // 7,200 s after it was made
	good  time.Time // accepted until then: before ends, if another token has replaced it
}

// handover is how long an access token stays valid after it is replaced, and how long before
// its end the stable one is renewed (official).
const handover = 5 * time.Minute

// replace makes a token that replaces another, which stays valid for the grace period. The
// caller holds the lock.
func (s *Simulator) replace(a *app, old *central, now time.Time, grace time.Duration) *central {
	if old != nil && old.good.After(now.Add(grace)) {
		old.good = now.Add(grace)
	}
	c := &central{value: randomToken(), app: a, ends: now.Add(TokenLifetime), good: now.Add(TokenLifetime)}
	s.centrals.put(c.value, c)
	return c
}

// centralToken answers GET /cgi-bin/token: a new token every time, with the previous one
// valid for five more minutes (official).
func (s *Simulator) centralToken(r *http.Request) reply {
	q := r.URL.Query()
	a, errcode := s.centralCaller(q.Get("grant_type"), q.Get("appid"), q.Get("secret"))
	if errcode != 0 {
		return s.centralError(r, a, errcode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !a.admits(r):
		return s.centralError(r, a, 40164)
	case a.tokenDay.full(dayOf(s.cfg.Now()), s.cfg.Quotas.TokenDay):
		return s.centralError(r, a, 45009)
	}
	now := s.cfg.Now()
	a.central = s.replace(a, a.central, now, handover)
	return centralReply(a.central, now)
}

// stableToken answers POST /cgi-bin/stable_token, whose tokens are independent of those of
// /cgi-bin/token (official). Without force_refresh it returns the same token until five
// minutes before its end, and then a new one, with the old one valid to its end (official).
// With force_refresh it returns a new one and the old one is void, at most 20 times a day;
// a second time within 30 seconds refreshes nothing (official). The answer to the 21st is
// inferred.
func (s *Simulator) stableToken(r *http.Request) (rep reply) {
	var in struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	if !readPosted(r, &in) {
		return s.apiError(47001)
	}
	defer func() { rep.forced = in.ForceRefresh }()
	a, errcode := s.centralCaller(in.GrantType, in.AppID, in.Secret)
	if errcode != 0 {
		return s.centralError(r, a, errcode)
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch quotas := s.cfg.Quotas; {
	case !a.admits(r):
		return s.centralError(r, a, 40164)
	case a.stableMinute.full(minuteOf(now), quotas.StableMinute):
		return s.centralError(r, a, 45011)
	case a.stableDay.full(dayOf(now), quotas.StableDay):
		return s.centralError(r, a, 45009)
	}
	switch {
	case a.stable == nil || a.stable.ends.Sub(now) <= handover:
		a.stable = s.replace(a, a.stable, now, handover)
	case in.ForceRefresh && now.Sub(a.forcedAt) >= forceGap:
		if a.forceDay.full(dayOf(now), s.cfg.Quotas.ForceDay) {
			return s.centralError(r, a, 45009)
		}
		a.forcedAt = now
		a.stable = s.replace(a, a.stable, now, 0)
	}
	return centralReply(a.stable, now)
}

// centralCaller returns the app that requests a central token, or the errcode of the
// refusal. That a website application has no such token is inferred.
func (s *Simulator) centralCaller(grantType, appID, secret string) (*app, int) {
	a, known := s.app(appID)
	switch {
	case appID == "":
		return nil, 41002
	case secret == "":
		return a, 41004
	case grantType != "client_credential":
		return a, 40002
	case !known:
		return nil, 40013
	case !a.opens(secret):
		return a, 40125
	case a.Kind == Website:
		return a, 48001
	}
	return a, 0
}

// centralError returns a refusal; 40164 names the address that WeChat saw (field reports).
func (s *Simulator) centralError(r *http.Request, a *app, errcode int) reply {
	rep := s.apiError(errcode)
	if errcode == 40164 {
		address := addressOf(r)
		mapped := address
		if strings.Contains(address, ".") {
			mapped = "::ffff:" + address
		}
		rep = s.apiErrorText(errcode, "invalid ip "+address+" ipv6 "+mapped+", not in whitelist")
	}
	rep.appID = a.appID()
	return rep
}

func centralReply(c *central, now time.Time) reply {
	var o object
	o.text("access_token", c.value)
	o.number("expires_in", int(c.ends.Sub(now).Seconds()))
	rep := apiReply(o.bytes())
	rep.secret, rep.appID = c.value, c.app.AppID
	return rep
}

// withCentral finds the account of a call with a central token, or the answer that refuses
// it. A person's token of /sns does not count (official).
func (s *Simulator) withCentral(r *http.Request) (*app, reply, bool) {
	token := r.URL.Query().Get("access_token")
	fail := func(a *app, errcode int) (*app, reply, bool) {
		rep := s.apiError(errcode)
		rep.secret, rep.appID = token, a.appID()
		return nil, rep, false
	}
	switch {
	case token == "":
		return fail(nil, 41001)
	case !tokenShape.MatchString(token):
		return fail(nil, 40014)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.centrals.get(token)
	now := s.cfg.Now()
	switch {
	case !ok:
		return fail(nil, 40001)
	case !now.Before(c.ends):
		return fail(c.app, 42001)
	case !now.Before(c.good):
		return fail(c.app, 40001)
	}
	return c.app, reply{secret: token, appID: c.app.AppID}, true
}

// centralDone returns the answer to a call with a central token.
func centralDone(call reply, body []byte) reply {
	rep := apiReply(body)
	rep.secret, rep.appID = call.secret, call.appID
	return rep
}

// ExpireCentral ends an account's tokens of cgi-bin at once, as WeChat does when the
// AppSecret is reset (field reports): calls with them get 40001. It panics for an unknown
// AppID.
func (s *Simulator) ExpireCentral(appID string) {
	a := s.mustApp(appID)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.centrals.all() {
		if c.app == a {
			c.good = s.cfg.Now()
		}
	}
	a.central, a.stable = nil, nil
}

// readPosted decodes a body; cgi-bin accepts only JSON (official), and ignores the
// Content-Type (field reports).
func readPosted(r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxJSON))
	return err == nil && json.Unmarshal(body, into) == nil
}
