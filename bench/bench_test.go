package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxlogin/bench/rig"
)

// Every figure is measured, from the first process to the table: an answer that
// is not the right one would have been an error.
func TestEveryFigureIsMeasured(t *testing.T) {
	var out, said bytes.Buffer
	args := []string{"--quick", "--people", "300,600", "--rounds", "1", "--round", "250ms", "--server", theServer(t), "--against", theServer(t), "--folder", t.TempDir()}
	if err := run(t.Context(), args, &out, &said); err != nil {
		t.Fatalf("%v\n%s%s", err, said.Bytes(), out.Bytes())
	}
	text := out.String()
	rows := regexp.MustCompile(`(?m)^  (\S.*?)(?:  +(.*))?$`).FindAllStringSubmatch(text, -1)
	for _, want := range []string{
		"bare net/http", "300 people", "600 people", "bare one-row transactions", "returning", "first time", "returning, 300 people", "first time, 600 people",
		"repeat visit, 600 people : 300 people", "verify, 600 people : 300 people", "logins, first time, 600 people : 300 people",
		"three signatures of RS256", "wxlogin, 600 people", "people, page after page", "search, one person's nickname", "filter needs_login", "at rest, 300 people", "1000 visits in flight, 600 people",
		"1s after 1s of visits on 32 connections, 300 people", "`/`, CPU a request", "`/verify`, CPU a request", "a login, returning, CPU", "a login, first time, CPU",
		"the callback with WeChat 40 ms away, returning, p50", "the callback with WeChat 40 ms away, first time, p50", "memory after a load",
		theFlaskRow(t), theRowApart("logins, first time, 300 people"), theRowApart("the visits meanwhile"),
	} {
		i := slices.IndexFunc(rows, func(row []string) bool { return row[1] == want })
		if i < 0 {
			t.Errorf("no figure %q", want)
			continue
		}
		if want == notMeasured {
			continue
		}
		numbers := regexp.MustCompile(`[0-9.]+`).FindAllString(rows[i][2], -1)
		if len(numbers) == 0 || slices.ContainsFunc(numbers, func(n string) bool { return strings.Trim(n, "0.") == "" }) && !strings.Contains(rows[i][2], "%") {
			t.Errorf("%s: %q", want, rows[i][2])
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// theFlaskRow is that of the program where Python can run it. CI has it.
func theFlaskRow(t *testing.T) string {
	t.Helper()
	if _, err := pythonWithFlask(t.Context()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		return notMeasured
	}
	return "Flask, two workers of gunicorn, nothing kept"
}

// theRowApart is one that needs two processors and Linux.
func theRowApart(row string) string {
	free, err := rig.Apart(os.Getpid())
	if err != nil {
		return notMeasured
	}
	free()
	return row
}

// The bare handler's answers are compared byte by byte with the program's.
func TestBareHandlerWithOtherBytes(t *testing.T) {
	one := sample{Status: 200, Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}, Body: []byte("ab")}
	p, _, err := startBare(t.Context(), t.TempDir(), map[string]sample{"/": one})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	for name, other := range map[string]sample{
		"status": {Status: 201, Header: one.Header, Body: one.Body},
		"body":   {Status: 200, Header: one.Header, Body: []byte("ac")},
		"header": {Status: 200, Header: http.Header{"Content-Type": {"text/html"}, "Content-Length": {"2"}}, Body: one.Body},
		"more":   {Status: 200, Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}, "Vary": {"Cookie"}}, Body: one.Body},
	} {
		if _, err := bareTarget(t.Context(), p, map[string]sample{"/": other}); err == nil {
			t.Errorf("another %s is not seen", name)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, wrong := range [][]string{
		{"--only", "speed"}, {"--people", "many"}, {"--people", "5"}, {"--docs", "x", "--quick"}, {"--database-url", "sqlite:x"},
		{"--database-url", "postgres://x", "--people", "100,200"}, {"figures"}, {"--only", "against"}, {"--database-url", "postgres://x", "--against", "x"},
	} {
		if _, err := parseOptions(wrong, io.Discard); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
	o, err := parseOptions(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if !o.wants(part) && part != "against" {
			t.Errorf("without --only, %s is left out", part)
		}
	}
}

// made is a report as a run makes it.
func made() *report {
	r := &report{machine: machine{processor: "CPU", cores: 2, date: "2026-11-22"}, took: time.Minute}
	load := func(n int) []rig.Load {
		return []rig.Load{{Requests: n, Took: time.Second, P50: time.Millisecond, P99: 2 * time.Millisecond, CPU: time.Second}}
	}
	r.visits("visit", []rig.Side{{Name: "bare net/http"}, {Name: "1 k people"}, {Name: "1 M people"}}, [][]rig.Load{load(1000), load(800), load(760)})
	return r
}

// Ratios are those of the rounds, and better is more for all of them.
func TestRatios(t *testing.T) {
	r := made()
	visits := r.sections[0].rows
	if got := visits[1][5] + " " + visits[2][6]; got != "0.80 0.76" {
		t.Errorf("ratios %s", got)
	}
	if got := r.sections[1].rows[0][1:]; !slices.Equal(got, []string{"0.95", "0.95"}) {
		t.Errorf("growth %s", got)
	}
}

// The document keeps what was written by hand, and the same figures are written
// the same way.
func TestDocument(t *testing.T) {
	r := made()
	once, err := r.into("before\n" + beginMark + "old" + endMark + "\nafter\n")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := r.into(once)
	if err != nil || twice != once {
		t.Errorf("written twice it is another: %v\n%s", err, twice)
	}
	if !strings.HasPrefix(once, "before\n") || !strings.HasSuffix(once, "\nafter\n") || strings.Contains(once, "old") || !strings.Contains(once, "| 0.80 |") {
		t.Errorf("the document is\n%s", once)
	}
	if _, err := r.into("no marks"); err == nil {
		t.Error("a document without marks is accepted")
	}
	kept, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.into(string(kept)); err != nil {
		t.Errorf("docs/performance.md: %v", err)
	}
}

func TestChart(t *testing.T) {
	chart := made().chart()
	if !bytes.Equal(chart, made().chart()) {
		t.Error("the same figures are drawn differently")
	}
	d := xml.NewDecoder(bytes.NewReader(chart))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Contains(chart, []byte("prefers-color-scheme:dark")) || bytes.Count(chart, []byte(`class="aim"`)) != 4 {
		t.Errorf("the chart is\n%s", chart)
	}
}
