package telemetry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxlogin/internal/telemetry"
	"wxlogin/internal/web"
)

// sink counts writes and keeps what is written.
type sink struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	writes int
	gate   chan struct{} // not nil: each write waits for it
	err    error         // not nil: nothing is written
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.writes++
	return s.buf.Write(p)
}

func (s *sink) state() (text string, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String(), s.writes
}

// Lines wait a moment for one another; a warning takes all that wait with it.
func TestLogLinesAreBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log := telemetry.NewLogs(out, "json", slog.LevelInfo)
		for i := range 3 {
			log.Info("visit", "n", i)
		}
		if text, _ := out.state(); text != "" {
			t.Errorf("written at once: %s", text)
		}
		time.Sleep(telemetry.BufferFor)
		synctest.Wait()
		if text, writes := out.state(); strings.Count(text, "\n") != 3 || writes != 1 {
			t.Errorf("%d writes of %s", writes, text)
		}
		log.Info("visit", "n", 4)
		log.With("a", 1).WithGroup("g").Warn("trouble")
		if text, writes := out.state(); !strings.HasSuffix(text, "}\n") || !strings.Contains(text, "trouble") || writes != 2 {
			t.Errorf("after a warning: %d writes of %s", writes, text)
		}
		log.Info("last")
		log.Flush()
		if text, _ := out.state(); !strings.Contains(text, `"last"`) {
			t.Errorf("at the end: %s", text)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, writes := out.state(); writes != 3 {
			t.Errorf("%d writes", writes)
		}
	})
}

// Nothing is lost, torn or out of order, whoever logs beside.
func TestLogLinesFromManyAtOnce(t *testing.T) {
	out := &sink{}
	log := telemetry.NewLogs(out, "json", slog.LevelInfo)
	const who, many = 8, 500
	var wg sync.WaitGroup
	for i := range who {
		wg.Go(func() {
			for n := range many {
				if n%100 == 99 {
					log.Warn("line", "who", i, "n", n)
				} else {
					log.Info("line", "who", i, "n", n)
				}
			}
		})
	}
	wg.Wait()
	log.Flush()
	var next [who]int
	text, _ := out.state()
	for line := range strings.Lines(text) {
		var l struct{ Who, N int }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if next[l.Who] != l.N {
			t.Fatalf("line %d of %d came where %d should have", l.N, l.Who, next[l.Who])
		}
		next[l.Who]++
	}
	if want := fmt.Sprint([who]int{many, many, many, many, many, many, many, many}); fmt.Sprint(next) != want {
		t.Errorf("%v lines", next)
	}
}

// A log that nobody reads takes lines until its buffer is full, counts the rest,
// and holds nobody up: neither a warning nor the end. When it is read again, a
// line says how many are missing, where they are missing.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{gate: make(chan struct{})}
		log := telemetry.NewLogs(out, "json", slog.LevelInfo)
		text := strings.Repeat("x", 1000)
		began := time.Now()
		const many = 3 * telemetry.MaxBuffered / 1000
		for i := range many {
			log.Info(text, "n", i)
		}
		for range 100 {
			log.Warn("trouble")
		}
		log.Flush()
		if waited := time.Since(began); waited > 10*time.Second {
			t.Errorf("logging waited %v for somebody who does not read", waited)
		}
		dropped := log.Dropped()
		if dropped < many/3 {
			t.Errorf("only %d of %d lines were dropped", dropped, many)
		}
		if text, _ := out.state(); text != "" {
			t.Errorf("somebody has read %q", text)
		}
		close(out.gate)
		time.Sleep(time.Second)
		synctest.Wait()
		log.Info("flows again")
		log.Flush()
		got, _ := out.state()
		lines, want := int64(strings.Count(got, "\n")), many+100-dropped+2
		if lines != want || log.Dropped() != dropped {
			t.Errorf("%d lines are there, want %d; %d dropped, and then %d", lines, want, dropped, log.Dropped())
		}
		_, told, _ := strings.Cut(got, "lines of the log were dropped")
		if !strings.Contains(told, fmt.Sprintf(`"lines":%d}`, dropped)) || !strings.Contains(told, "flows again") || strings.Contains(told, text) {
			t.Errorf("after the gap: %.300s", told)
		}
	})
}

// A log whose reader is gone loses each line once; when there is one again it says
// how many.
func TestLogWhoseReaderIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log := telemetry.NewLogs(out, "json", slog.LevelInfo)
		out.fail(syscall.EPIPE)
		for range 10 {
			log.Info("lost")
			log.Warn("lost")
			time.Sleep(time.Second)
		}
		if got := log.Dropped(); got != 20 {
			t.Errorf("%d lines are counted, and 20 are lost", got)
		}
		out.fail(nil)
		log.Info("again")
		time.Sleep(time.Second)
		synctest.Wait()
		if got, _ := out.state(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"lines":20}`) {
			t.Errorf("when it can be written again: %s", got)
		}
	})
}

// A line of the access log is the one that the logger would write.
func TestAccessLog(t *testing.T) {
	began := time.Date(2026, 11, 22, 6, 0, 0, 123456789, time.FixedZone("CST", 8*3600))
	for _, a := range []web.AccessRecord{
		{RequestID: "0123456789abcdef", Method: "GET", Route: "/avatar/{user}", Status: 200, Bytes: 4711, Began: began, Took: 1234567 * time.Nanosecond, Client: "192.0.2.1"},
		{RequestID: "", Method: "!#$%&'*+-.^_`|~", Route: "none", Status: 404, Began: began.UTC(), Client: `fe80::1%"\\<中>` + "\n"},
		{Method: "GET", Route: "/scan/events", Status: 200, Bytes: 1 << 40, Began: began, Took: 1234567 * time.Second, Client: "2001:db8::1"},
		{Took: time.Microsecond}, {Took: 999 * time.Nanosecond}, {Took: 100100 * time.Microsecond}, {Took: -1500 * time.Microsecond}, {Took: 10 * 365 * 24 * time.Hour},
	} {
		out := &sink{}
		log := telemetry.NewLogs(out, "json", slog.LevelInfo)
		log.Access(t.Context(), a)
		record := slog.NewRecord(a.Began.Add(a.Took), slog.LevelInfo, "request", 0)
		attrs := a.Attrs()
		record.AddAttrs(attrs[:]...)
		if err := log.Handler().Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		log.Flush()
		text, _ := out.state()
		got, want, _ := strings.Cut(text, "\n")
		var gotLine, wantLine map[string]any
		if err := json.Unmarshal([]byte(got), &gotLine); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if err := json.Unmarshal([]byte(want), &wantLine); err != nil || !reflect.DeepEqual(gotLine, wantLine) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	out := &sink{}
	log := telemetry.NewLogs(out, "json", slog.LevelWarn)
	log.Access(t.Context(), web.AccessRecord{})
	log.Flush()
	if text, _ := out.state(); text != "" {
		t.Errorf("at the level warn: %s", text)
	}
}
