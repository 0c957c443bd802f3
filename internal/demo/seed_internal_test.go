package demo

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The made-up past depends on the hour and the day of the week; whenever the demo
// starts, its admins have more logins than their page shows at once.
func TestDemoAdminsHaveAPast(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 50, 0, 0, time.FixedZone("CST", 8*60*60))
	for i := range 7 {
		now := monday.Add(time.Duration(i) * 27 * time.Hour) // every day, at another hour
		s := &seeder{rand: rand.New(rand.NewPCG(20261122, 1)), appID: "wx0123456789abcdef", now: now}
		logins := make(map[string]int)
		for _, l := range s.history().Logins {
			logins[l.OpenID]++
		}
		if len(s.admins) != 2 {
			t.Fatalf("admins %q", s.admins)
		}
		for _, openID := range s.admins {
			if n := logins[openID]; n < 20 {
				t.Errorf("%v: an admin has %d logins", now, n)
			}
		}
	}
}
