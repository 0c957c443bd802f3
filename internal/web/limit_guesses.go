package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/httprate"

	"wxlogin/internal/auth"
)

// guesses bounds the wrong guesses of one client address: of client ids, secrets, tokens, and
// for public clients codes. Correct calls are not counted and always pass, however many
// guesses came from the address: behind it may be the back end of an application that logs
// in thousands of people a minute, or those of several, one of which has a wrong secret.
//
// Wrong codes do not count for a client with a secret: its back end sends whatever code a
// browser brings, so anybody could use up its guesses.
type guesses struct {
	limiter *httprate.RateLimiter // nil: no bound
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

// usedUp refuses a call from an address that has used up its guesses, before the call costs
// anything. It is for callers who cannot be told from guessers until their credentials are
// checked.
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
