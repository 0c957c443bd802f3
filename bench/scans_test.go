package main

import (
	"bytes"
	"regexp"
	"testing"
)

// Desktops wait for a phone, by events and by questions; those that are confirmed are
// signed in, and the others leave nothing behind.
func TestScans(t *testing.T) {
	t.Parallel()
	var out, said bytes.Buffer
	err := run(t.Context(), []string{scansCommand, "--pages", "30", "--for", "1s", "--confirmed", "6", "--server", theServer(t)}, &out, &said)
	t.Logf("%s%s", said.Bytes(), out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^6 desktops were confirmed by a phone and signed in`).Match(out.Bytes()) {
		t.Error("nobody says that they were signed in")
	}
}
