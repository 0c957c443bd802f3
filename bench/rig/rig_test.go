package rig_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/bench/rig"
)

func deadline() time.Time { return time.Now().Add(time.Minute) }

func address(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// Bodies of known and of unknown length are read whole, one after the other on
// one connection.
func TestConnReadsEveryAnswer(t *testing.T) {
	long := strings.Repeat("长", 20_000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunks":
			io.WriteString(w, long[:30_000])
			w.(http.Flusher).Flush()
			io.WriteString(w, long[30_000:])
		case "/long":
			w.Header().Set("Content-Length", "60000")
			io.WriteString(w, long)
		case "/closes":
			w.Header().Set("Connection", "close")
			io.WriteString(w, "bye")
		default:
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer s.Close()
	c := rig.NewConn(address(s))
	defer c.Close()
	for range 2 {
		for path, want := range map[string]string{"/chunks": long, "/long": long, "/closes": "bye", "/none": ""} {
			if err := c.Do(rig.NewRequest(http.MethodGet, path, "", nil), deadline()); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if string(c.Body) != want {
				t.Errorf("%s: %d bytes, want %d", path, len(c.Body), len(want))
			}
		}
	}
	if err := c.Do(rig.NewRequest(http.MethodGet, "/none", "", nil), deadline()); err != nil {
		t.Fatal(err)
	}
	if got := c.Header("set-cookie"); c.Status != http.StatusNoContent || !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Errorf("%d %q", c.Status, got)
	}
}

// A connection that the server has closed meanwhile is opened again; one that
// breaks off in the middle of an answer is an error.
func TestConnOpensAnew(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			return
		}
		io.WriteString(w, "well")
	}))
	defer s.Close()
	c := rig.NewConn(address(s))
	defer c.Close()
	for range 3 {
		if err := c.Do(rig.NewRequest(http.MethodGet, "/", "", nil), deadline()); err != nil || string(c.Body) != "well" {
			t.Fatalf("%q, %v", c.Body, err)
		}
		s.CloseClientConnections()
	}
	if err := c.Do(rig.NewRequest(http.MethodGet, "/half", "", nil), deadline()); err == nil {
		t.Errorf("half an answer is taken for a whole one: %q", c.Body)
	}
}

// A load ends with an error when any answer is not the right one.
func TestWrongAnswersAreSeen(t *testing.T) {
	answered := make(chan struct{}, 1<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered <- struct{}{}
		person := "lin"
		if len(answered) > 100 {
			switch r.URL.Path {
			case "/status":
				w.WriteHeader(http.StatusServiceUnavailable)
			case "/bytes":
				io.WriteString(w, "this is wang")
				return
			case "/head":
				person = "wang"
			}
		}
		w.Header().Set("X-Person", person)
		io.WriteString(w, "this is lin")
	}))
	defer s.Close()
	for path, fine := range map[string]bool{"/": true, "/status": false, "/bytes": false, "/head": false} {
		for len(answered) > 0 {
			<-answered
		}
		request := rig.Request{Bytes: rig.NewRequest(http.MethodGet, path, "", nil), Status: http.StatusOK, Holds: []byte("lin")}
		if path == "/head" {
			request.Holds, request.InHead = []byte("X-Person: lin\r\n"), true
		}
		conns := rig.Conns(address(s), 4)
		load, err := rig.Send(t.Context(), rig.Target{Address: address(s)}, conns, []rig.Request{request}, 200*time.Millisecond)
		rig.CloseAll(conns)
		if (err == nil) != fine && len(answered) > 100 {
			t.Errorf("%s: %v", path, err)
		}
		if fine && (load.Requests == 0 || load.P50 == 0 || load.P99 < load.P50 || load.Rate() == 0) {
			t.Errorf("%+v", load)
		}
	}
}

func TestNumbers(t *testing.T) {
	if got := rig.Median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %v", got)
	}
	if got := rig.Median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median %v", got)
	}
	var times []time.Duration
	for n := range 100 {
		times = append(times, time.Duration(100-n))
	}
	if p50, p99, all := rig.Quantile(times, .5), rig.Quantile(times, .99), rig.Quantile(times, 1); p50 != 50 || p99 != 99 || all != 100 {
		t.Errorf("quantiles %d %d %d", p50, p99, all)
	}
}

// The visitors of a load are people whose sessions it can open, spread over all.
func TestVisitors(t *testing.T) {
	for _, people := range []int{100, 999, 10_000, 1_000_000} {
		visitors := rig.Visitors(people, 300)
		if want := min(people, 300); len(visitors) != want || visitors[want-1] < people*9/10 || !slices.IsSorted(visitors) || len(slices.Compact(visitors)) != want {
			t.Errorf("of %d people: %v", people, visitors)
		}
	}
	one, again, other := rig.PersonNumber(7), rig.PersonNumber(7), rig.PersonNumber(8)
	if one != again || one.OpenID == other.OpenID || one.Token == other.Token || len(one.OpenID) != 28 || len(one.Token) != 43 {
		t.Errorf("%+v %+v", one, other)
	}
}

func TestJar(t *testing.T) {
	var jar rig.Jar
	jar.Set("a", "1")
	jar.Set("b", "2")
	jar.Take(&rig.Conn{Head: []byte("HTTP/1.1 200 OK\r\nSet-Cookie: a=3; Path=/\r\nset-cookie: b=; Path=/; Max-Age=0\r\nSet-Cookie: c=4\r\n")})
	if got := jar.Header(); got != "a=3; c=4" {
		t.Errorf("jar %q", got)
	}
}
