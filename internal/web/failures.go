package web

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"wxlogin/internal/auth"
)

// failure is a request that was answered with an error.
type failure struct {
	RequestID string
	At        time.Time
	Method    string
	Route     string // the pattern, which contains nobody's data
	Status    int
	Reason    auth.Reason
	Client    string
}

// failures holds the latest failures of this process, so that an admin can look up the number
// on an error page. Most do not belong to a login in the database, and strangers can cause
// as many as they like: so only the latest are kept, in memory.
type failures struct {
	mu     sync.Mutex
	latest []failure // a ring buffer once it is full
	next   int       // where the next failure goes then
}

// maxFailures is how many failures are kept, some 200 bytes each.
const maxFailures = 1000

func (f *failures) add(one failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.latest) < maxFailures {
		f.latest = append(f.latest, one)
		return
	}
	f.latest[f.next] = one
	f.next = (f.next + 1) % maxFailures
}

func (f *failures) find(requestID string) (failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.latest {
		if one.RequestID == requestID {
			return one, true
		}
	}
	return failure{}, false
}

// remember keeps a failure, except the kinds that scanners and forward auth cause by the
// thousand and nobody looks up.
func (s *Server) remember(r *http.Request, status int, reason auth.Reason) {
	switch reason {
	case auth.NoSuchPage, auth.RateLimited, auth.WrongMethod, auth.NotSignedIn:
		return
	}
	rs := requestStateOf(r)
	s.failures.add(failure{requestID(r), s.now(), r.Method, rs.pattern(), status, reason, rs.client})
}

// requestFound is what is known about a request by its id.
type requestFound struct {
	ID       string
	Logins   []auth.Login // that failed in it
	Failure  failure      // from memory; zero: this process has none
	Meanings map[int64]string
	By       map[string]auth.Account // as in adminHomePage
}

var requestIDForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// findRequest looks a request up if the text has the form of a request id; otherwise it
// returns nil.
func (s *Server) findRequest(r *http.Request, text string) (*requestFound, error) {
	found := &requestFound{ID: strings.ToLower(strings.TrimSpace(text))}
	if !requestIDForm.MatchString(found.ID) {
		return nil, nil
	}
	var err error
	if found.Logins, err = s.auditLog.FailedLogins(r.Context(), found.ID); err != nil {
		return nil, err
	}
	found.Meanings, found.By = s.meanings(r, found.Logins), s.accountsOf(found.Logins)
	found.Failure, _ = s.failures.find(found.ID)
	return found, nil
}
