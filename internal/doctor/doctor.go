package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/terminal"
	"wxlogin/internal/wechat"
)

// Config configures an examination.
type Config struct {
	Settings *settings.Settings
	Client   func(settings.Config, auth.Account) *wechat.Client // makes the service's client of an account
	Offline  bool                                               // skip the checks that need the network
	Words    terminal.Words
}

// Examine runs all checks, whatever fails on the way, and prints a line for each finding:
// ok, warn, FAIL or skip. It returns an error if anything fails, or if ctx ends first.
func Examine(ctx context.Context, c Config, out io.Writer) error {
	d := newDoctor(c)
	failed := 0
	for _, check := range []func(context.Context) []finding{
		d.checkSettings, d.checkDomain, d.checkKeys, d.checkDatabase, d.checkDisk, d.checkProxies, d.checkReturnHosts,
		d.checkWeChat, d.checkAccounts, d.checkCentral, d.checkGroups, d.checkAuthorizePage,
		d.checkService, d.checkPublicURL, d.checkVerifyFile, d.checkSites,
	} {
		for _, f := range check(ctx) {
			d.print(out, f)
			if f.verdict == failure {
				failed++
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped before the end: %w", err)
	}
	if failed > 0 {
		return fmt.Errorf("doctor: %d of the checks failed; → above says what to do", failed)
	}
	return nil
}

// A verdict is the first word of a line.
type verdict string

const (
	good    verdict = "ok"
	warning verdict = "warn"
	failure verdict = "FAIL"
	skipped verdict = "skip" // not checked, or undecidable from here
)

// finding is the result of a check. Advice has a line for each thing to do; it is empty if
// all is well.
type finding struct {
	verdict verdict
	subject string
	text    string
	advice  string
}

// checkTimeout limits each check that calls another server.
const checkTimeout = 5 * time.Second

// doctor is one examination. Its last fields are what later checks need of earlier ones.
type doctor struct {
	settings *settings.Settings
	config   settings.Config // what the settings mean, as far as they are valid
	invalid  error           // what is wrong with them
	offline  bool
	now      func() time.Time
	client   func(auth.Account) *wechat.Client
	secrets  *strings.Replacer
	words    terminal.Words

	answered bool            // WeChat's API has answered
	refused  map[string]bool // accounts that WeChat has refused, or that lack a secret, by name
	running  bool            // the service answers at its own address
	reached  bool            // the service answers at the public URL
}

func newDoctor(c Config) *doctor {
	d := &doctor{settings: c.Settings, offline: c.Offline, words: c.Words, now: time.Now, refused: make(map[string]bool)}
	d.config, d.invalid = d.settings.Parse()
	d.client = func(account auth.Account) *wechat.Client { return c.Client(d.config, account) }
	d.secrets = d.settings.Redactor(d.config)
	return d
}

func (d *doctor) print(w io.Writer, f finding) {
	f.text, f.advice = d.words.Translate(f.text), d.words.Translate(f.advice)
	text := fmt.Sprintf("%-5s %-11s %s\n", f.verdict, f.subject, strings.ReplaceAll(f.text, "\n", "\n                  "))
	for line := range strings.Lines(f.advice) {
		text += "      → " + strings.TrimSuffix(line, "\n") + "\n"
	}
	io.WriteString(w, d.secrets.Replace(text)) // a failed write has nowhere to be reported
}

// one makes the list of a single finding.
func one(v verdict, subject, text, advice string) []finding {
	return []finding{{v, subject, text, advice}}
}

func skip(subject, format string, args ...any) []finding {
	return one(skipped, subject, "not checked: "+fmt.Sprintf(format, args...), "")
}

const isOffline = "--offline"
