package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"wxlogin/bench/rig"
	"wxlogin/internal/store/pgtest"
)

// The program keeps its promises while WeChat, the database and the processes
// themselves are broken: -soak.for 1m does it, -soak.seed N the same again.
func TestSoak(t *testing.T) { soaks(t) }

func TestSoakOnPostgres(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("left out without -soak.for")
	}
	db := pgtest.Shared(t)
	soaks(t, "--database-url", db.URL(db.Database(t)))
}

func soaks(t *testing.T, more ...string) {
	t.Helper()
	length := *soakFor
	if length == 0 {
		t.Skip("left out without -soak.for; make soak does it at length")
	}
	t.Parallel() // with the other engine's: a soak is more waiting than work
	var out, said bytes.Buffer
	args := append([]string{soakCommand, "--for", length.String(), "--seed", fmt.Sprint(*soakSeed), "--server", theServer(t)}, more...)
	err := run(t.Context(), args, &out, &said)
	t.Logf("%s%s", said.Bytes(), out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, happened := range []string{"chaos: ", "logins answered", "logouts answered", "pages that show the person", "sessions asked at the end"} {
		if !strings.Contains(out.String(), happened) {
			t.Errorf("nothing of %q", happened)
		}
	}
}

// A revoked session is not answered once more, at either of two busy processes.
func TestRaces(t *testing.T) {
	var out, said bytes.Buffer
	err := run(t.Context(), []string{racesCommand, "--times", "20", "--workers", "2", "--server", theServer(t)}, &out, &said)
	t.Logf("%s%s", said.Bytes(), out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), ": 0 answered as before"); n != 2*len(revocations()) {
		t.Errorf("%d lines say so", n)
	}
}

// What must not be told apart is: which sessions an answer may still show.
func TestLedger(t *testing.T) {
	l := newLedger()
	l.hands("one", "oLin")
	l.hands("one", "oLin") // WeChat's second callback
	l.hands("two", "oLin")
	l.moves("one", maybe)
	if l.state("one") != maybe || l.state("two") != alive || l.answered()["oLin"] != 2 {
		t.Errorf("%+v", l)
	}
	l.movesAll("oLin", ended)
	l.moves("two", alive)
	if l.state("two") != ended {
		t.Error("a session that has ended lives again")
	}
	if l.broken() {
		t.Errorf("%q", l.failures)
	}
	l.hands("two", "oWang")
	if !l.broken() {
		t.Error("one session of two people is not seen")
	}
}

// An answer that nobody must get is seen.
func TestLook(t *testing.T) {
	const page = "HTTP/1.1 %d X\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html lang=\"zh-CN\">"
	for answer, fine := range map[string]bool{
		fmt.Sprintf(page, 200): true,
		fmt.Sprintf(page, 403): true,
		fmt.Sprintf(page, 503): true,
		fmt.Sprintf(page, 500): false,
		"HTTP/1.1 404 X\r\nContent-Type: text/plain\r\n\r\n404 page not found":                                           false,
		"HTTP/1.1 200 X\r\nContent-Type: text/html\r\n\r\n<html>":                                                        false,
		"HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\n\r\n{\"reason\":\"store_down\",\"detail\":\"...\"}": true,
		"HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\n\r\n{}":                                             false,
		"HTTP/1.1 303 X\r\nLocation: /\r\n\r\n":                                                                          true,
	} {
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		c := &rig.Conn{Head: []byte(head + "\r\n"), Body: []byte(body)}
		fmt.Sscanf(head, "HTTP/1.1 %d", &c.Status)
		s := &soak{ledger: newLedger()}
		s.newBrowser(1, rig.IPhone).look(c, "GET", "/")
		if s.ledger.broken() == fine {
			t.Errorf("%q: %q", answer, s.ledger.failures)
		}
	}
}
