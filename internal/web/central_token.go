package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// centralToken gives another of the operator's programs the access token of an account, so
// that only wxlogin asks WeChat for it.
func (s *Server) centralToken(w http.ResponseWriter, r *http.Request) error {
	if len(s.config.BackendKeys) == 0 {
		return auth.Fail(auth.NoSuchPage, nil)
	}
	backend, ok := s.backend(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="access token"`)
		return auth.Failf(auth.BadKey, "no key of WXLOGIN_BACKEND_KEYS")
	}
	account, err := s.rules.Named(chi.URLParam(r, "account"))
	if err != nil {
		return err
	}
	if account.Kind == auth.WebsiteAccount {
		return auth.Failf(auth.NoSuchAccount, "account %q has no access token", account.Name)
	}
	token, err := s.central.Token(r.Context(), account.AppID)
	if err != nil {
		return s.noToken(w, r, backend, err)
	}
	s.log.InfoContext(r.Context(), "access token read", "request_id", requestID(r), "back_end", backend, "account", account.Name, "ends_at", token.EndsAt)
	return s.json(w, r, map[string]any{
		"access_token": string(token.Value),
		"expires_at":   token.EndsAt.UTC().Format(time.RFC3339),
	})
}

// backend returns the name of the program whose key the request has. Every key is compared,
// in constant time.
func (s *Server) backend(r *http.Request) (name string, ok bool) {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return "", false
	}
	scheme, key, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	sum := sha256.Sum256([]byte(key))
	for _, known := range s.config.BackendKeys {
		want := sha256.Sum256([]byte(known.Key))
		if subtle.ConstantTimeCompare(sum[:], want[:]) == 1 {
			name, ok = known.Name, true
		}
	}
	return name, ok
}

// noToken answers a program with a valid key: every failure at WeChat is 503, with WeChat's
// reason in words, and the address to put on its IP list.
func (s *Server) noToken(w http.ResponseWriter, r *http.Request, backend string, err error) error {
	reason, kind := auth.ReasonOf(err), auth.KindOf(err)
	if kind != auth.Upstream && kind != auth.Unavailable && kind != auth.Misconfigured {
		return err
	}
	var detail strings.Builder
	if n := auth.ErrcodeOf(err); n != 0 {
		fmt.Fprintf(&detail, "errcode %d", n)
		if s.config.Meaning != nil {
			fmt.Fprintf(&detail, " (%s)", s.config.Meaning(s.renderer.language(r), n))
		}
	}
	if from := auth.SeenFrom(err); from != "" {
		fmt.Fprintf(&detail, ", IP %s", from)
	}
	s.logError(r, http.StatusServiceUnavailable, reason, kind, fmt.Errorf("access token for %s: %w", backend, err))
	w.Header().Set("Retry-After", fmt.Sprint(retryAfter))
	s.problem(w, r, http.StatusServiceUnavailable, reason, detail.String())
	return nil
}
