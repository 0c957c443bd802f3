package web

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// limitRate bounds the requests of one client address, or of one combination of the address
// and what the functions return for the request.
func (s *Server) limitRate(besides ...func(*http.Request) string) func(http.Handler) http.Handler {
	if s.config.RateLimit == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	return httprate.LimitBy(s.config.RateLimit, time.Minute,
		func(r *http.Request) (string, error) {
			key := addressOf(r)
			for _, of := range besides {
				key += " " + of(r)
			}
			return key, nil
		},
		httprate.WithLimitCounter(newSlotCounter()),
		httprate.WithLimitHandler(s.handle(func(http.ResponseWriter, *http.Request) error {
			return auth.Fail(auth.RateLimited, nil)
		})))
}

func accountOfPath(r *http.Request) string { return chi.URLParam(r, "account") }

// rateSlots is the number of counters for all clients together: 64 Ki of 4 bytes, twice.
const rateSlots = 1 << 16

// slotCounter counts for httprate in memory of a fixed size: httprate's own counter keeps a
// map entry for every address of a minute, and an attacker has many addresses. Clients with
// the same slot share a limit. That is rare, and nobody can provoke it, because the hash has
// a secret seed.
type slotCounter struct {
	seed maphash.Seed

	mu       sync.Mutex
	window   time.Time // of current
	current  *[rateSlots]uint32
	previous *[rateSlots]uint32
	length   time.Duration
}

var _ httprate.LimitCounter = (*slotCounter)(nil)

func newSlotCounter() *slotCounter {
	return &slotCounter{seed: maphash.MakeSeed(), current: new([rateSlots]uint32), previous: new([rateSlots]uint32)}
}

// Config implements httprate.LimitCounter.
func (c *slotCounter) Config(_ int, window time.Duration) { c.length = window }

// Increment implements httprate.LimitCounter.
func (c *slotCounter) Increment(key string, window time.Time) error {
	return c.IncrementBy(key, window, 1)
}

// IncrementBy implements httprate.LimitCounter.
func (c *slotCounter) IncrementBy(key string, window time.Time, amount int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(window)
	c.current[c.slot(key)] += uint32(amount)
	return nil
}

// Get implements httprate.LimitCounter.
func (c *slotCounter) Get(key string, window, _ time.Time) (current, previous int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(window)
	slot := c.slot(key)
	return int(c.current[slot]), int(c.previous[slot]), nil
}

// advance begins a new window.
func (c *slotCounter) advance(window time.Time) {
	if c.window.Equal(window) {
		return
	}
	c.current, c.previous = c.previous, c.current
	clear(c.current[:])
	if !c.window.Equal(window.Add(-c.length)) {
		clear(c.previous[:]) // there was no request for a whole window
	}
	c.window = window
}

func (c *slotCounter) slot(key string) uint64 {
	return maphash.String(c.seed, key) % rateSlots
}
