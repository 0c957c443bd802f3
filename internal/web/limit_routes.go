package web

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// budget is how many requests a minute some routes accept together.
type budget struct {
	who     int // for one person or one ticket; 0: these are not counted
	address int // for one client address
	// known counts known people by person only, not by address: many phones share the
	// address of a carrier.
	known bool
}

// The budgets depend on the setting. With 600, / accepts 600 requests of a person and 2,400
// of an address from strangers; a person's own data 60 and 600; waiting desktops 12,000 of
// an address, which is two hundred desktops in an office. A waiting desktop asks about once
// a second, whatever the setting. Even with a setting that is strict with logins, pages
// keep a minimum. /api/me and /verify are not counted: they read memory, and scripts and
// proxies call them for everybody from one address.
func (s *Server) visitBudget() budget { return budget{s.perMinute(), 4 * s.perMinute(), true} }
func (s *Server) ownBudget() budget   { return budget{max(20, s.perMinute()/10), s.perMinute(), false} }
func (s *Server) waitBudget() budget  { return budget{300, 20 * s.perMinute(), false} }

func (s *Server) perMinute() int { return max(60, s.config.RateLimit) }

// limit applies a budget to routes. who returns the person or the ticket of a request; empty
// if it has neither.
func (s *Server) limit(b budget, who func(*http.Request) string) func(http.Handler) http.Handler {
	if s.config.RateLimit == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	counter := newSlotCounter()
	byWho, byAddress := newRateLimiter(b.who, counter), newRateLimiter(b.address, counter)
	return func(next http.Handler) http.Handler {
		return s.handle(func(w http.ResponseWriter, r *http.Request) error {
			name := who(r)
			if name != "" && byWho.OnLimit(w, r, "w"+name) {
				return auth.Fail(auth.RateLimited, nil)
			}
			if (name == "" || !b.known) && byAddress.OnLimit(w, r, "a"+addressOf(r)) {
				return auth.Fail(auth.RateLimited, nil)
			}
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// newRateLimiter limits each key to n a minute.
func newRateLimiter(n int, counter httprate.LimitCounter) *httprate.RateLimiter {
	return httprate.NewRateLimiter(n, time.Minute, httprate.WithLimitCounter(counter),
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}))
}

// addressOf returns the client address by which limits count a request: the one that
// clientAddress found, which a client cannot choose; an IPv6 network of 64 bits counts as
// one.
func addressOf(r *http.Request) string { return httprate.CanonicalizeIP(requestStateOf(r).client) }

// fewAtOnce lets a person have n responses of some routes at the same time: a response that
// is read for minutes costs more than a budget by the minute counts.
func (s *Server) fewAtOnce(n int) func(http.Handler) http.Handler {
	if s.config.RateLimit == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	var mu sync.Mutex
	running := make(map[string]int)
	return func(next http.Handler) http.Handler {
		return s.handle(func(w http.ResponseWriter, r *http.Request) error {
			who := s.personOf(r)
			if who == "" {
				next.ServeHTTP(w, r) // the handler refuses, and exports nothing
				return nil
			}
			mu.Lock()
			full := running[who] >= n
			if !full {
				running[who]++
			}
			mu.Unlock()
			if full {
				w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
				return auth.Fail(auth.RateLimited, nil)
			}
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if running[who]--; running[who] == 0 {
					delete(running, who)
				}
			}()
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// personOf returns the id of the signed-in person, or the session's id for a browser let in
// by a link; empty for anybody else.
func (s *Server) personOf(r *http.Request) string {
	if link := requestStateOf(r).adminLink.visit; link != nil {
		return link.Session.ID
	}
	if visit, err := s.visitor(r); err == nil {
		return visit.User.ID
	}
	return "" // the handler returns the error
}

// ticketOf returns the ticket that a desktop waits with, if it is one of ours.
func (s *Server) ticketOf(r *http.Request) string {
	if tk, ok := s.tickets.open(r.URL.Query().Get("ticket")); ok {
		return tk.text
	}
	return ""
}
