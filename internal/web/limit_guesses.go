package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// guesses bounds what one client address may call for in vain: by a client that there
// is not, a secret, a token, or as a public client a code that is none. What is good
// is not counted and always passes, however much else came from there: behind one
// address may be the back end of an application that logs in thousands of people a
// minute, or those of several, of which one has a wrong secret.
//
// That a code is no good does not count for a client with a secret: its back end
// passes on whatever a browser brings, and anybody could use up what it has.
type guesses struct {
	limiter *httprate.RateLimiter // nil: without bounds
	limit   int
}

func (s *Server) newGuesses() guesses {
	if s.config.RateLimit == 0 {
		return guesses{}
	}
	return guesses{newRateLimiter(s.config.RateLimit, newSlotCounter()), s.config.RateLimit}
}

// bound counts the wrong guesses of a handler's calls.
func (g guesses) bound(h handler) handler {
	if g.limiter == nil {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if e, ok := errors.AsType[*protocolError](err); ok && e.guessed && g.limiter.OnLimit(w, r, addressOf(r)) {
			w.Header().Del("WWW-Authenticate")
			return auth.Fail(auth.RateLimited, nil)
		}
		return err
	}
}

// usedUp refuses a call before it costs anything, of an address that may not guess any
// more: for whom nothing tells from others but what they have come with.
func (g guesses) usedUp(w http.ResponseWriter, r *http.Request) error {
	if g.limiter == nil {
		return nil
	}
	if _, rate, err := g.limiter.Status(addressOf(r)); err != nil || rate+1 <= float64(g.limit) {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(time.Minute/time.Second)))
	return auth.Fail(auth.RateLimited, nil)
}
