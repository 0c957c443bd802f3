package web

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// budget is how many requests a minute some routes take together.
type budget struct {
	who     int // of one person, or one ticket; 0: they are not counted by that
	address int // of one client address
	// known counts known people by themselves alone, and not with their address:
	// many phones share the address of a carrier.
	known bool
}

// The budgets, by the setting: of 600, / is 600 a person and 2,400 an address of
// strangers, a person's own data 60 and 600, and an address of desktops that wait
// 12,000, two hundred of an office. One that waits asks about once a second,
// whatever is set. A setting that is strict with logins leaves room for pages.
// /api/me and /verify are not counted: they read memory, and scripts and proxies
// ask them about everybody from one address.
func (s *Server) visitBudget() budget { return budget{s.perMinute(), 4 * s.perMinute(), true} }
func (s *Server) ownBudget() budget   { return budget{max(20, s.perMinute()/10), s.perMinute(), false} }
func (s *Server) waitBudget() budget  { return budget{300, 20 * s.perMinute(), false} }

func (s *Server) perMinute() int { return max(60, s.config.RateLimit) }

// limit holds routes to a budget. who names the person or the ticket of a request,
// empty for neither.
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

// newRateLimiter counts n a minute, of each key.
func newRateLimiter(n int, counter httprate.LimitCounter) *httprate.RateLimiter {
	return httprate.NewRateLimiter(n, time.Minute, httprate.WithLimitCounter(counter),
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}))
}

// addressOf is the client address of a request as limits count it: that which
// clientAddress found, which a client cannot choose, and an IPv6 network of 64 bits as
// one.
func addressOf(r *http.Request) string { return httprate.CanonicalizeIP(requestStateOf(r).client) }

// fewAtOnce lets a person have n answers of some routes at the same time: one that
// takes minutes to be read costs more than a minute's budget says.
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
				next.ServeHTTP(w, r) // the handler says so, and exports nothing
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

// personOf names who is signed in: an admin whom a link has let in by their
// session.
func (s *Server) personOf(r *http.Request) string {
	if link := requestStateOf(r).adminLink.visit; link != nil {
		return link.Session.ID
	}
	if visit, err := s.visitor(r); err == nil {
		return visit.User.ID
	}
	return "" // the handler finds out why
}

// ticketOf names the ticket that a desktop waits with, if it is one of ours.
func (s *Server) ticketOf(r *http.Request) string {
	if tk, ok := s.tickets.open(r.URL.Query().Get("ticket")); ok {
		return tk.text
	}
	return ""
}
