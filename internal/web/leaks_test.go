package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// secrets knows all that must never show itself: AppSecret, codes, tokens of
// WeChat's, our own session tokens. Every world looks for them at its end, in
// all that the service has answered, logged and stored.
type secrets struct {
	mu      sync.Mutex
	values  map[string]string // what each is
	headers bytes.Buffer      // of the service's answers, without session cookies
	bodies  bytes.Buffer
}

// shortest is below what any secret has; test cases send short nonsense.
const shortest = 16

func (s *secrets) add(what, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[string]string)
	}
	if len(value) >= shortest {
		s.values[value] = what
	}
}

var tokensInAnswer = regexp.MustCompile(`"((?:access|refresh)_token|ticket|session_key)":"([^"]+)"`)

// overhear learns the secrets that pass between the service and WeChat.
func (s *secrets) overhear(wechat http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/sns/") && !strings.HasPrefix(r.URL.Path, "/cgi-bin/") {
			wechat.ServeHTTP(w, r)
			return
		}
		for _, name := range []string{"secret", "code", "access_token", "refresh_token"} {
			s.add(name, r.URL.Query().Get(name))
		}
		tee := &tee{ResponseWriter: w}
		defer func() { // a fault may end the answer by a panic
			for _, found := range tokensInAnswer.FindAllSubmatch(tee.seen, -1) {
				s.add(string(found[1]), string(found[2]))
			}
		}()
		wechat.ServeHTTP(tee, r)
	})
}

// tee keeps the beginning of an answer.
type tee struct {
	http.ResponseWriter
	seen []byte
}

func (t *tee) Write(b []byte) (int, error) {
	t.seen = append(t.seen, b[:min(len(b), max(0, 4096-len(t.seen)))]...)
	return t.ResponseWriter.Write(b)
}

func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// tokenCookie is the name of a cookie that holds a token.
var tokenCookie = regexp.MustCompile(`^(__Host-|__Secure-)?wxlogin(_desk|_scan)?_[0-9a-f]{8}$`)

// answered keeps an answer of the service for the search.
func (s *secrets) answered(service string, req *http.Request, header http.Header, body []byte) {
	if !strings.HasPrefix(req.URL.String(), service) {
		return
	}
	s.add("code", req.URL.Query().Get("code"))
	kept := header.Clone()
	cookies := kept.Values("Set-Cookie")
	kept.Del("Set-Cookie")
	for _, line := range cookies {
		cookie, err := http.ParseSetCookie(line)
		if err == nil && tokenCookie.MatchString(cookie.Name) {
			s.add("session token", cookie.Value)
			continue
		}
		kept.Add("Set-Cookie", line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept.Write(&s.headers)
	s.bodies.Write(body)
}

// wantNoLeak fails if a secret is anywhere but where it belongs. It runs when
// the service has ended and the database is closed.
func (w *world) wantNoLeak() {
	s := w.secrets
	s.add("AppSecret", w.sim.Secret())
	s.mu.Lock()
	defer s.mu.Unlock()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	places := map[string][][]byte{
		"an answer's header": {s.headers.Bytes()},
		"an answer's body":   {s.bodies.Bytes()},
		"the log":            {w.log.buf.Bytes()},
	}
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if data, err := os.ReadFile(w.dbPath + suffix); err == nil {
			places["the database"] = append(places["the database"], data)
		}
	}
	for value, what := range s.values {
		for place, texts := range places {
			forms := []string{value}
			if place == "the database" {
				forms = append(forms, hex.EncodeToString([]byte(value)),
					base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)))
			} else if escaped := url.QueryEscape(value); escaped != value {
				forms = append(forms, escaped)
			}
			for _, form := range forms {
				for _, text := range texts {
					if i := bytes.Index(text, []byte(form)); i >= 0 {
						w.t.Errorf("%s in %s: …%q", what, place, text[max(0, i-80):i])
					}
				}
			}
		}
	}
}

// mark is a place in the log, to look from.
func (l *logBuffer) mark() int { return len(l.String()) }

// wantLoud fails unless the log has an error since the mark, or none.
func (l *logBuffer) wantLoud(t *testing.T, mark int, want bool) {
	t.Helper()
	since := l.String()[mark:]
	if strings.Contains(since, `"level":"ERROR"`) != want {
		t.Fatalf("an error is logged: %v, want %v\n%s", !want, want, since)
	}
}

// row makes a subtest's failures its own while it uses the world.
func (w *world) row(t *testing.T) {
	parent := w.t
	w.t = t
	t.Cleanup(func() { w.t = parent })
}
