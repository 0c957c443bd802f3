package wechatsim

import (
	"cmp"
	"time"
)

// Quotas limit how often WeChat's endpoints may be called.
type Quotas struct {
	CodesMinute  int // code2Session, a minute and person: 100 (official)
	TokenDay     int // /cgi-bin/token, a day: 2,000 (official)
	StableMinute int // /cgi-bin/stable_token, a minute: 10,000 (official)
	StableDay    int // and a day: 500,000 (official)
	ForceDay     int // with force_refresh, a day: 20 (official)
	TicketDay    int // getticket, a day: "very few" (official); 2,000 is inferred
	FollowerDay  int // user/info, a day: 5,000,000 (official)
}

// forceGap is the least time between forced refreshes; an earlier one refreshes nothing
// (official).
const forceGap = 30 * time.Second

func (q Quotas) normal() Quotas {
	return Quotas{
		CodesMinute: cmp.Or(q.CodesMinute, 100), TokenDay: cmp.Or(q.TokenDay, 2000),
		StableMinute: cmp.Or(q.StableMinute, 10_000), StableDay: cmp.Or(q.StableDay, 500_000),
		ForceDay: cmp.Or(q.ForceDay, 20), TicketDay: cmp.Or(q.TicketDay, 2000), FollowerDay: cmp.Or(q.FollowerDay, 5_000_000),
	}
}

// counter counts events in one window of time.
type counter struct {
	window time.Time
	n      int
}

// WeChat's days are China's.
var china = time.FixedZone("CST", 8*3600)

func minuteOf(t time.Time) time.Time { return t.Truncate(time.Minute) }

func dayOf(t time.Time) time.Time {
	year, month, day := t.In(china).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, china)
}

// full reports whether the limit of the window has been reached; otherwise it counts one
// more event.
func (c *counter) full(window time.Time, limit int) bool {
	if !c.window.Equal(window) {
		c.window, c.n = window, 0
	}
	if c.n >= limit {
		return true
	}
	c.n++
	return false
}
