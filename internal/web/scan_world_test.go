package web_test

import (
	"bufio"
	"context"
	unescape "html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// scan is a desktop's page with a code on it.
type scan struct {
	*browser
	number  string
	ticket  string
	path    string // that the code leads to
	picture string
	events  string
	poll    string
	done    string
	page    *page
}

// scans opens the page with a code in a desktop's browser.
func (b *browser) scans(returnTo string) scan {
	b.w.t.Helper()
	return b.scanOn(b.opens("/scan?return_to=" + url.QueryEscape(returnTo)))
}

func (b *browser) scanOn(p *page) scan {
	b.w.t.Helper()
	p.wantPage(http.StatusOK, "/static/")
	find := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(p.Body)
		if found == nil {
			b.w.t.Fatalf("no %s on the page\n%s", pattern, p.Body)
		}
		return strings.TrimPrefix(unescape.UnescapeString(found[1]), b.w.prefix())
	}
	s := scan{
		browser: b, page: p,
		number:  find(`<b>(\d\d)</b>`),
		picture: find(`<img src="([^"]+)"`),
		events:  find(`data-events="([^"]+)"`),
		poll:    find(`data-poll="([^"]+)"`),
		done:    find(`data-done="([^"]+)"`),
	}
	_, s.ticket, _ = strings.Cut(s.events, "?ticket=")
	s.path = "/scan/" + s.ticket
	return s
}

func (w *world) prefix() string {
	u, err := url.Parse(w.url)
	check(w.t, err)
	return u.Path
}

// wantStatus fails unless the desktop is told the status.
func (s scan) wantStatus(status string) {
	s.w.t.Helper()
	if p := s.get(s.poll); p.Status != http.StatusOK || p.Body != `{"status":"`+status+`"}`+"\n" {
		s.w.t.Fatalf("status %d: %s, want %q", p.Status, p.Body, status)
	}
}

// collects fetches the session and fails unless it is the person's.
func (s scan) collects(key string) {
	s.w.t.Helper()
	if p := s.get(s.done); p.Status != http.StatusSeeOther || strings.Contains(p.Header.Get("Location"), "/scan?") {
		s.w.t.Fatalf("/scan/done: status %d to %q\n%s", p.Status, p.Header.Get("Location"), excerpt(p.Body))
	}
	s.wantMe(key)
}

// wantNothing fails unless the desktop comes away without a session.
func (s scan) wantNothing() {
	s.w.t.Helper()
	s.get(s.done)
	s.wantNobody()
}

// answers presses a button on the phone.
func (b *browser) answers(s scan, answer string) *page {
	b.w.t.Helper()
	return b.submits(s.path, url.Values{"answer": {answer}})
}

// confirms opens a code and says yes.
func (b *browser) confirms(s scan) {
	b.w.t.Helper()
	b.opens(s.path).wantPage(http.StatusOK, s.number)
	b.answers(s, "confirm").wantPage(http.StatusOK, "已确认")
}

// signedIn is a phone whose person has signed in.
func (w *world) signedIn(key string) *browser {
	w.t.Helper()
	phone := w.phone(key)
	phone.signsIn()
	return phone
}

// stream is a desktop that listens.
type stream struct {
	t     testing.TB
	lines *bufio.Scanner
}

// listens opens the stream of a code.
func (s scan) listens() stream {
	s.w.t.Helper()
	ctx, cancel := context.WithTimeout(s.w.t.Context(), 15*time.Second)
	s.w.t.Cleanup(cancel)
	req := s.request(http.MethodGet, s.events, nil).WithContext(ctx)
	req.Header.Set("User-Agent", s.agent)
	req.Header.Set("Accept", "text/event-stream")
	res, err := s.client.Do(req)
	check(s.w.t, err)
	s.w.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		s.w.t.Fatalf("stream: %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	return stream{s.w.t, bufio.NewScanner(res.Body)}
}

// wantEvent reads to the next event; "" is the end of the stream.
func (s stream) wantEvent(want string) {
	s.t.Helper()
	for s.lines.Scan() {
		if got, ok := strings.CutPrefix(s.lines.Text(), "data: "); ok {
			if got != want {
				s.t.Fatalf("event %q, want %q", got, want)
			}
			return
		}
	}
	if err := s.lines.Err(); err != nil || want != "" {
		s.t.Fatalf("the stream has ended (%v), want event %q", err, want)
	}
}
