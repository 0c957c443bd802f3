package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// The limit in use costs the same for a hundred thousand addresses as for one.
func TestRateLimitMemory(t *testing.T) {
	s := &Server{
		config: Config{RateLimit: 600, Observe: func(context.Context, AccessRecord) {}, LogAccess: func(context.Context, AccessRecord) {}},
	}
	limited := s.begin(s.limitRate()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", nil)
	w := httptest.NewRecorder()
	ask := func(i int) {
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)
		limited.ServeHTTP(w, r)
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ask(0)
	before := heap()
	const clients = 100_000
	for i := range clients {
		ask(i)
	}
	if grown := heap() - before; grown > 200_000 { // a map would take over a megabyte
		t.Fatalf("%d clients cost %d bytes", clients, grown)
	}
	runtime.KeepAlive(limited)
}

// Windows turn as time passes, counts of the one before are kept for one more,
// and an address that is new takes no memory.
func TestSlotCounter(t *testing.T) {
	c := newSlotCounter()
	c.Config(10, time.Minute)
	start := time.Unix(0, 0)
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	want := func(minute, current, previous int) {
		t.Helper()
		gotCurrent, gotPrevious, err := c.Get("phone", at(minute), at(minute-1))
		if err != nil || gotCurrent != current || gotPrevious != previous {
			t.Fatalf("minute %d: %d and %d before, %v; want %d and %d", minute, gotCurrent, gotPrevious, err, current, previous)
		}
	}
	for range 3 {
		c.Increment("phone", at(1))
	}
	want(1, 3, 0)
	c.Increment("phone", at(2))
	want(2, 1, 3)
	want(3, 0, 1)
	c.Increment("phone", at(3))
	want(9, 0, 0)
	i := 0
	if allocs := testing.AllocsPerRun(1000, func() {
		c.IncrementBy(addresses[i%len(addresses)], at(9), 1)
		i++
	}); allocs != 0 {
		t.Errorf("%v allocations for an address", allocs)
	}
}

var addresses = func() (list []string) {
	for i := range 1000 {
		list = append(list, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	return list
}()
