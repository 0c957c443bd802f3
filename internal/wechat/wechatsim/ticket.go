package wechatsim

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// jsTicket is a jsapi_ticket, which signs pages for the JS-SDK.
type jsTicket struct {
	value string
	ends  time.Time
}

// mostTickets is how many tickets of an account are kept; the oldest is dropped first.
const mostTickets = 100

// ticket answers GET /cgi-bin/ticket/getticket. Whether WeChat returns the same ticket again
// is unknown: here each is new, and earlier ones stay valid to their ends.
func (s *Simulator) ticket(r *http.Request) reply {
	a, call, ok := s.withCentral(r)
	if !ok {
		return call
	}
	fail := func(errcode int, parameter string) reply {
		rep := s.apiError(errcode)
		rep.secret, rep.appID, rep.parameter = call.secret, call.appID, parameter
		return rep
	}
	switch {
	case r.URL.Query().Get("type") != "jsapi":
		return fail(40097, "type")
	case a.Kind != OfficialAccount:
		return fail(48001, "access_token")
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ticketDay.full(dayOf(now), s.cfg.Quotas.TicketDay) {
		return fail(45009, "")
	}
	t := jsTicket{value: randomText(urlSafe, 86), ends: now.Add(TokenLifetime)}
	a.tickets = append(a.tickets, t)
	a.tickets = a.tickets[max(0, len(a.tickets)-mostTickets):]
	var o object
	o.number("errcode", 0)
	o.text("errmsg", "ok")
	o.text("ticket", t.value)
	o.number("expires_in", int(TokenLifetime.Seconds()))
	return centralDone(call, o.bytes())
}

// WXConfig returns the result of wx.config of the JS-SDK on a page, which WeChat's client
// checks: "config:ok", or what is wrong. The page's host must be one of the account's
// CallbackHosts, which stand for its JS接口安全域名 too.
func (s *Simulator) WXConfig(appID, timestamp, nonceStr, signature, page string) string {
	a, ok := s.app(appID)
	if !ok {
		return "config:invalid appid"
	}
	u, err := url.Parse(page)
	if err != nil {
		return "config:invalid url domain"
	}
	if callback, _ := s.checkCallback(a, u.Scheme+"://"+u.Host+"/"); callback == nil {
		return "config:invalid url domain"
	}
	page, _, _ = strings.Cut(page, "#")
	s.mu.Lock()
	defer s.mu.Unlock()
	good := slices.ContainsFunc(a.tickets, func(t jsTicket) bool {
		sum := sha1.Sum([]byte("jsapi_ticket=" + t.value + "&noncestr=" + nonceStr + "&timestamp=" + timestamp + "&url=" + page))
		return s.cfg.Now().Before(t.ends) && hex.EncodeToString(sum[:]) == signature
	})
	if !good {
		return "config:invalid signature"
	}
	return "config:ok"
}

// getWXConfig answers GET /_sim/wx.config, for programs in any language.
func (s *Simulator) getWXConfig(r *http.Request) (any, error) {
	q := r.URL.Query()
	result := s.WXConfig(q.Get("appId"), q.Get("timestamp"), q.Get("nonceStr"), q.Get("signature"), q.Get("url"))
	return map[string]string{"errMsg": result}, nil
}
