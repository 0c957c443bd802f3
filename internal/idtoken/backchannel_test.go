package idtoken_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
)

// receiver is an application that is told of logouts.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	status int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tokens = append(r.tokens, req.PostFormValue("logout_token"))
		if r.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.tokens...)
}

func (w *world) backchannel() *idtoken.Backchannel {
	return idtoken.NewBackchannel(idtoken.BackchannelConfig{
		Store: w.db, Keys: w.keys, Issuer: "https://login.example.com", Now: w.now, Log: slog.New(slog.DiscardHandler),
	})
}

func TestLogoutIsTold(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.client(r.URL + "/logout")
	visit := w.signedIn(c, "o1")
	check(t, w.db.DeleteSession(t.Context(), auth.VisitorSession, visit.Session.TokenHash))
	b := w.backchannel()

	// Until it is told: after a failure later, after a redirect too, not at once again.
	r.answers(http.StatusFound)
	check(t, b.Deliver(t.Context()))
	r.answers(http.StatusServiceUnavailable)
	check(t, b.Deliver(t.Context()))
	if n := len(r.told()); n != 1 {
		t.Fatalf("told %d times", n)
	}
	w.pass(time.Minute)
	check(t, b.Deliver(t.Context()))
	r.answers(http.StatusOK)
	w.pass(time.Minute)
	check(t, b.Deliver(t.Context()))
	w.pass(time.Hour)
	check(t, b.Deliver(t.Context()))
	told := r.told()
	if len(told) != 3 {
		t.Fatalf("told %d times", len(told))
	}

	signed, err := jose.ParseSignedCompact(told[2], []jose.SignatureAlgorithm{jose.ES256})
	check(t, err)
	if typ := signed.Signatures[0].Header.ExtraHeaders["typ"]; typ != "logout+jwt" {
		t.Errorf("typ %v", typ)
	}
	payload, err := w.keys.Verify(t.Context(), told[2])
	check(t, err)
	var claims map[string]any
	check(t, json.Unmarshal(payload, &claims))
	for name, want := range map[string]any{"iss": "https://login.example.com", "aud": c.ID, "sub": visit.User.ID, "sid": visit.Session.ID} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	events, _ := claims["events"].(map[string]any)
	jti, _ := claims["jti"].(string)
	issued, _ := claims["iat"].(float64)
	ends, _ := claims["exp"].(float64)
	if _, nonce := claims["nonce"]; events["http://schemas.openid.net/event/backchannel-logout"] == nil || len(jti) < 16 || nonce {
		t.Errorf("%v", claims)
	}
	if now := float64(w.now().Unix()); issued < now-3600 || issued > now || ends <= issued {
		t.Errorf("issued at %f, ends at %f; at the last answer it was %f", issued, ends, now-3600)
	}
}

// It is tried for a day, and then given up; two processes tell once.
func TestAnApplicationThatDoesNotAnswer(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.client(r.URL)
	visit := w.signedIn(c, "o1")
	admins := admin.New(admin.Config{Store: w.db, AppID: "wx", Now: w.now})
	check(t, admins.Erase(t.Context(), admin.CommandLine(), visit.User.ID))
	r.answers(http.StatusBadRequest)
	var both sync.WaitGroup
	for range 2 {
		b := w.backchannel()
		both.Go(func() {
			if err := b.Deliver(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if n := len(r.told()); n != 1 {
		t.Fatalf("told %d times at once", n)
	}
	for range 60 {
		w.pass(time.Hour)
		check(t, w.backchannel().Deliver(t.Context()))
	}
	if n := len(r.told()); n < 10 || n > 40 {
		t.Errorf("told %d times in a day", n)
	}
}

// http does not leave private networks, whatever a name says.
func TestHTTPStaysNearby(t *testing.T) {
	w := newWorld(t)
	c := w.client("http://192.0.2.1.nip.invalid/logout")
	visit := w.signedIn(c, "o1")
	check(t, w.db.DeleteSession(t.Context(), auth.VisitorSession, visit.Session.TokenHash))
	check(t, w.backchannel().Deliver(t.Context()))
	for address, fine := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.1.2.3:80": true, "192.168.1.1:80": true, "[fd00::1]:80": true, "[::ffff:10.0.0.1]:80": true,
		"192.0.2.1:80": false, "8.8.8.8:80": false, "[2001:db8::1]:80": false, "169.254.169.254:80": false, "[::ffff:8.8.8.8]:80": false, "0.0.0.0:80": false,
	} {
		if err := idtoken.OnlyNearby("tcp", address, nil); (err == nil) != fine {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// An application that hangs costs a round few calls, however many logouts it is to be
// told of, and the next round tries again. One that answers no is told of each.
func TestAnApplicationThatHangs(t *testing.T) {
	w := newWorld(t)
	var calls atomic.Int64
	var hangs atomic.Bool
	hangs.Store(true)
	r := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if hangs.Load() {
			panic(http.ErrAbortHandler) // as who never answers, without the wait
		}
		rw.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(r.Close)
	c := w.client(r.URL)
	const sessions, couriers = 30, 4
	for i := range sessions {
		visit := w.signedIn(c, fmt.Sprint("o", i))
		check(t, w.db.DeleteSession(t.Context(), auth.VisitorSession, visit.Session.TokenHash))
	}
	b := w.backchannel()
	check(t, b.Deliver(t.Context()))
	if n := calls.Load(); n < 1 || n > couriers {
		t.Errorf("%d calls in a round", n)
	}
	hangs.Store(false)
	calls.Store(0)
	w.pass(time.Minute)
	check(t, b.Deliver(t.Context()))
	if n := calls.Load(); n != sessions {
		t.Errorf("%d calls when it answers again", n)
	}
}

// An application that takes its time, and is to be told of many logouts, keeps no other
// waiting: the first of them is not answered before the other is told.
func TestAnApplicationThatIsSlow(t *testing.T) {
	w := newWorld(t)
	told := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a server sees who goes away when it has read all
		select {
		case <-told:
		case <-r.Context().Done():
			t.Error("the other application waits behind a slow one")
		}
	}))
	t.Cleanup(slow.Close)
	quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(told) }))
	t.Cleanup(quick.Close)
	ends := func(c auth.Client, openID string) {
		check(t, w.db.DeleteSession(t.Context(), auth.VisitorSession, w.signedIn(c, openID).Session.TokenHash))
	}
	wiki, shop := w.clientNamed("Wiki", slow.URL), w.clientNamed("Shop", quick.URL)
	for i := range 30 {
		ends(wiki, fmt.Sprint("o", i))
	}
	w.pass(time.Second)
	ends(shop, "p1")
	check(t, w.backchannel().Deliver(t.Context()))
	waiting, err := w.db.NextNotice(t.Context(), w.now(), w.now())
	if check(t, err); waiting.ClientID != "" {
		t.Errorf("client %s is still to be told", waiting.ClientID)
	}
}
