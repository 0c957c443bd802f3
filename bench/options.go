package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the options of a run.
type options struct {
	program     string
	databaseURL string
	folder      string
	inPlace     bool
	docs        string
	only        []string
	withPeer    bool
	peerFolder  string
	against     string // the program of another build; empty: none
	// hydraDatabase is an empty PostgreSQL database for ory/hydra; empty: without it.
	hydraDatabase string
	people        []int
	identities    int // of each
	quick         bool

	rounds      int
	round       time.Duration
	connections int
	phones      int
	visitors    int // people whose sessions are used
	flight      int // visits in flight for the memory
	adminAsks   int // of each admin page
	adminTime   time.Duration
	starts      int
	loadTime    time.Duration // of the load after which memory is looked at
	restTime    time.Duration // from its end
	bursts      int           // of people who sign in at once
}

// parts are the figures that --only can name.
var parts = []string{"visit", "verify", "logins", "distance", "growth", "admin", "oidc", "memory", "apart", "flask", "against"}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{
		rounds: 5, round: 2 * time.Second, connections: 32, phones: 64, visitors: 10_000,
		flight: 1000, adminAsks: 50, adminTime: 4 * time.Second, starts: 5,
		loadTime: 10 * time.Second, restTime: 30 * time.Second, bursts: 10,
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: bench [flags]        measures\n       bench soak [flags]   breaks things and looks whether promises are kept\n       bench races [flags]  revokes sessions under load and asks whether they still count\n       bench scans [flags]  opens ten thousand pages that wait for a phone\n       bench upgrade [flags] has a database of an older build migrated, and backs it up\n\nFlags of bench:")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.program, "server", "", "the built `program`; built when empty")
	flags.StringVar(&o.databaseURL, "database-url", "", "an empty PostgreSQL database to use instead of SQLite files, postgres://…; people are put into it and stay")
	flags.StringVar(&o.folder, "folder", "", "`folder` for databases and logs, on the disk that is meant; filled databases stay in it and are used again. Empty: a temporary one")
	flags.BoolVar(&o.inPlace, "in-place", false, "with --folder: measure the filled database itself and no copy of it; ten million people are 25 GB")
	flags.StringVar(&o.docs, "docs", "", "`folder` whose performance.md and performance.svg are rewritten; only with a full run")
	flags.BoolVar(&o.quick, "quick", false, "a thousand people and short rounds: a look, no figures")
	flags.BoolVar(&o.withPeer, "peer", false, "with the figures of OpenID Connect, npm oidc-provider side by side; installs it")
	flags.StringVar(&o.peerFolder, "peer-folder", "", "`folder` where the peer is installed, and used again. Empty: a temporary one")
	flags.StringVar(&o.against, "against", "", "the `program` of another build, side by side with this one: visits, logins, the callback at a distance, memory after a load")
	flags.StringVar(&o.hydraDatabase, "hydra-database-url", "", "with the figures of OpenID Connect, ory/hydra side by side, on this empty PostgreSQL database, postgres://…; builds it")
	only := flags.String("only", "", "some `figures` alone: "+strings.Join(parts, ","))
	people := flags.String("people", "", "how many people are stored: `numbers`, the smallest first (1000,1000000; with --quick or PostgreSQL 1000)")
	flags.IntVar(&o.identities, "identities", 1, "how many identities everybody has: 1, or 2 of two accounts")
	rounds := flags.Int("rounds", 0, "measured rounds of each side (5, with --quick 3)")
	round := flags.Duration("round", 0, "length of a round (2s, with --quick 1s)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if *people == "" {
		*people = "1000,1000000"
		if o.quick || o.databaseURL != "" {
			*people = "1000"
		}
	}
	if o.quick {
		o.rounds, o.round, o.adminAsks, o.adminTime, o.starts = 3, time.Second, 20, time.Second, 3
		o.loadTime, o.restTime, o.bursts = time.Second, time.Second, 3
	}
	if *rounds > 0 {
		o.rounds = *rounds
	}
	if *round > 0 {
		o.round = *round
	}
	for text := range strings.SplitSeq(*people, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 100 {
			return nil, fmt.Errorf("--people: %q is not a number of at least 100", text)
		}
		o.people = append(o.people, n)
	}
	slices.Sort(o.people)
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	return o, o.check()
}

func (o *options) check() error {
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			return fmt.Errorf("--only: %q is not one of %s", part, strings.Join(parts, ", "))
		}
	}
	if len(o.only) > 0 && !slices.Contains(o.only, "growth") && !slices.Contains(o.only, "admin") && !slices.Contains(o.only, "memory") {
		o.people = o.people[:1] // more databases are for growth only
	}
	if slices.Contains(o.only, "against") && o.against == "" {
		return fmt.Errorf("--only against: name the other build's program with --against")
	}
	switch {
	case o.databaseURL != "" && o.against != "":
		return fmt.Errorf("--against: not with --database-url, as each build has a database of its own")
	case o.databaseURL != "" && !strings.HasPrefix(o.databaseURL, "postgres://") && !strings.HasPrefix(o.databaseURL, "postgresql://"):
		return fmt.Errorf("--database-url: not of the form postgres://…; SQLite files are made in --folder")
	case o.databaseURL != "" && len(o.people) > 1:
		return fmt.Errorf("--people: one number with --database-url, as there is one database")
	case o.inPlace && o.folder == "":
		return fmt.Errorf("--in-place: only with --folder, where the database stays")
	case o.identities < 1 || o.identities > 2:
		return fmt.Errorf("--identities: 1 or 2")
	case o.docs != "" && (o.identities != 1 || o.quick || len(o.only) > 0 || o.databaseURL != ""):
		return fmt.Errorf("--docs: only a full run on SQLite is written down")
	}
	return nil
}

// wants reports whether a figure is requested.
func (o *options) wants(part string) bool {
	if part == "against" && o.against == "" {
		return false
	}
	if len(o.only) == 0 || slices.Contains(o.only, part) {
		return true
	}
	return slices.Contains(o.only, "growth") && slices.Contains([]string{"visit", "verify", "logins"}, part)
}
