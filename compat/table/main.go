// Command table writes docs/compatibility.md from the results of make compat: rows of JSON
// on standard input. It knows all programs that can be run, so that those that were not have
// a row that says so, and nothing of how they are run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"wxlogin/compat/record"
)

func main() {
	rows, err := read(os.Stdin)
	if err == nil {
		_, err = io.WriteString(os.Stdout, document(rows))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(r io.Reader) (rows []record.Row, err error) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var row record.Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("%w: %s", err, lines.Text())
		}
		// The last run of a test counts.
		rows = append(slices.DeleteFunc(rows, func(r record.Row) bool { return r.Test == row.Test && r.Table == row.Table }), row)
	}
	return rows, nil
}

// document is the whole page.
func document(rows []record.Row) string {
	var b strings.Builder
	b.WriteString(introduction)
	if len(rows) > 0 {
		dates := []string{}
		for _, r := range rows {
			dates = append(dates, r.Date)
		}
		fmt.Fprintf(&b, "Last run on %s, %s/%s, %s.\n", slices.Max(dates), runtime.GOOS, runtime.GOARCH, runtime.Version())
	}
	b.WriteString("\n## Front ends and forward auth\n\nEach runs the files of [examples](../examples) before a real service and an application that remembers what it got. A cell says how it went; \"so\" is: as the line says.\n\n")
	b.WriteString(frontEndTable(rows))
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", t.heading, t.text)
		b.WriteString(list(rows, t))
	}
	b.WriteString(found)
	return b.String()
}

// frontEndTable makes the table with a row for each behaviour and a column for each front
// end.
func frontEndTable(rows []record.Row) string {
	var b strings.Builder
	cell := map[[2]string]record.Row{}
	version := map[string]string{}
	for _, r := range rows {
		if r.Table == record.FrontEnds {
			cell[[2]string{r.Program, r.What}] = r
			version[r.Program] = r.Version
		}
	}
	b.WriteString("| what has to be so |")
	for _, f := range frontEnds {
		fmt.Fprintf(&b, " %s %s |", f.name, version[f.name])
	}
	b.WriteString(" test |\n|---|" + strings.Repeat("---|", len(frontEnds)+1) + "\n")
	for _, w := range behaviours {
		fmt.Fprintf(&b, "| %s |", w.promise)
		for _, f := range frontEnds {
			r, ran := cell[[2]string{f.name, w.name}]
			switch {
			case ran:
				fmt.Fprintf(&b, " %s |", outcome(r, "so"))
			case version[f.name] == "" && f.without != "":
				fmt.Fprintf(&b, " not run: %s |", f.without)
			default:
				b.WriteString(" not run |")
			}
		}
		fmt.Fprintf(&b, " `…/%s` |\n", strings.ReplaceAll(w.name, " ", "_"))
	}
	b.WriteString("\nThe tests are `TestForwardAuth` (nginx and Debian's Caddy), `TestForwardAuthOfHAProxy`, `TestForwardAuthOfApache` and `TestForwardAuthOfNewer` in [cmd/server](../cmd/server/forward_auth_test.go). Traefik is built by [compat/traefik.sh](../compat/traefik.sh), without its DNS services for certificates. Apache as a client of OpenID Connect stands below; Envoy and ingress-nginx were not run.\n")
	return b.String()
}

// list makes a table of the rows, with one more row for each known program that was not run.
func list(rows []record.Row, t table) string {
	var b strings.Builder
	b.WriteString("| program | version | tried | outcome | test |\n|---|---|---|---|---|\n")
	line := func(r record.Row, outcome string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", escape(r.Program), r.Version, r.What, escape(outcome), r.Test)
	}
	seen := map[[2]string]bool{}
	for _, r := range rows {
		if r.Table == t.name {
			seen[[2]string{r.Program, r.What}] = true
			line(r, outcome(r, t.passed))
		}
	}
	for _, r := range t.known {
		if !seen[[2]string{r.Program, r.What}] {
			line(r, strings.TrimSuffix("not run: "+r.Seen, ": "))
		}
	}
	return b.String()
}

// outcome is the result of a row in words.
func outcome(r record.Row, passed string) string {
	switch {
	case r.Ended == "failed":
		return strings.TrimSuffix("**fails**: "+r.Seen, ": ")
	case r.Ended == "skipped" && !strings.HasPrefix(r.Seen, "not run"):
		return strings.TrimSuffix("not run: "+r.Seen, ": ")
	case r.Seen != "":
		return r.Seen
	}
	return passed
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
