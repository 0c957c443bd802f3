package main

import (
	"bytes"
	"regexp"
	"testing"
)

// A database is migrated, started again and backed up while people come. Both builds are
// this one here, so that there is nothing to migrate.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	var out, said bytes.Buffer
	err := run(t.Context(), []string{upgradeCommand, "--people", "2000", "--from", theServer(t), "--server", theServer(t)}, &out, &said)
	t.Logf("%s%s", said.Bytes(), out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`the upgrade: ready after`, `a start: ready after`, `server backup: \d`, `beside a backup, .* a login [1-9]`} {
		if !regexp.MustCompile(`(?m)^` + line).Match(out.Bytes()) {
			t.Errorf("nothing says %s", line)
		}
	}
}
