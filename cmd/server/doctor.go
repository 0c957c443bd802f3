package main

import (
	"cmp"
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

type doctorCommand struct {
	settings.Settings
	Offline bool     `help:"Leave out what needs the network."`
	Explain []string `help:"Explain these numbers of WeChat's (10003, 40125 …) and check nothing." placeholder:"N"`
	Numbers []string `arg:"" optional:"" name:"number" help:"The same as --explain."`
}

// Help is what --help says below the flags' list.
func (*doctorCommand) Help() string {
	return "Each line is ok, warn, FAIL, or skip for what was not checked or cannot be told from here; → says what to do. The exit code is 1 when anything fails."
}

// A verdict is the first word of a line.
type verdict string

const (
	good    verdict = "ok"
	warning verdict = "warn"
	failure verdict = "FAIL"
	skipped verdict = "skip" // not checked, or it cannot be told from here
)

// finding is what a check has to say. Advice has a line for each thing to do;
// good news need none.
type finding struct {
	verdict verdict
	subject string
	text    string
	advice  string
}

// checkTimeout is what each check that talks to somebody may take.
const checkTimeout = 5 * time.Second

// doctor is one examination. What checks learn for later ones stays in it.
type doctor struct {
	settings *settings.Settings
	config   settings.Config // what the settings mean, as far as they mean anything
	invalid  error           // what is wrong with them
	offline  bool
	now      func() time.Time
	client   func(auth.Account) *wechat.Client
	secrets  *strings.Replacer
	words    terminal.Words

	answered bool            // WeChat's API does
	refused  map[string]bool // accounts that WeChat has refused, or that lack a secret, by name
	running  bool            // the service answers at its own address
	reached  bool            // the service answers at the public URL
}

// Run examines everything, whatever fails on the way.
func (c *doctorCommand) Run(ctx context.Context, env *environment) error {
	if numbers := append(c.Explain, c.Numbers...); len(numbers) > 0 {
		return env.explain(numbers)
	}
	d := newDoctor(&c.Settings, c.Offline)
	d.words = env.words
	failed := 0
	for _, check := range []func(context.Context) []finding{
		d.checkSettings, d.checkDomain, d.checkKeys, d.checkDatabase, d.checkDisk, d.checkProxies, d.checkReturnHosts,
		d.checkWeChat, d.checkAccounts, d.checkCentral, d.checkGroups, d.checkAuthorizePage,
		d.checkService, d.checkPublicURL, d.checkVerifyFile, d.checkSites,
	} {
		for _, f := range check(ctx) {
			d.print(env.stdout, f)
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

func newDoctor(s *settings.Settings, offline bool) *doctor {
	d := &doctor{settings: s, offline: offline, now: time.Now, refused: make(map[string]bool)}
	d.config, d.invalid = s.Parse()
	d.client = func(account auth.Account) *wechat.Client { return wechatClient(d.config, account, nil) }
	d.secrets = s.Redactor(d.config)
	return d
}

func (d *doctor) print(w io.Writer, f finding) {
	f.text, f.advice = d.words.Say(f.text), d.words.Say(f.advice)
	text := fmt.Sprintf("%-5s %-11s %s\n", f.verdict, f.subject, strings.ReplaceAll(f.text, "\n", "\n                  "))
	for line := range strings.Lines(f.advice) {
		text += "      → " + strings.TrimSuffix(line, "\n") + "\n"
	}
	io.WriteString(w, d.secrets.Replace(text)) // nobody to tell when it cannot be written
}

// one makes the list of a single finding.
func one(v verdict, subject, text, advice string) []finding {
	return []finding{{v, subject, text, advice}}
}

func skip(subject, format string, args ...any) []finding {
	return one(skipped, subject, "not checked: "+fmt.Sprintf(format, args...), "")
}

const isOffline = "--offline"

// explain prints what WeChat's numbers mean.
func (e *environment) explain(numbers []string) error {
	var unknown []string
	for _, text := range numbers {
		known, ok := explanation(text)
		if !ok {
			unknown = append(unknown, text)
			e.answer("%s: not in our list. WeChat's own: https://developers.weixin.qq.com/doc/ (全局返回码)\n\n", text)
			continue
		}
		where := fmt.Sprintf("%d, API errcode (服务器接口)", known.Number)
		if known.Page {
			where = fmt.Sprintf("%d, shown on the phone (授权页)", known.Number)
		}
		meaning := known.Chinese + "\n  " + known.English
		if !e.words.English() {
			meaning = e.words.Say(known.Chinese)
		}
		fmt.Fprintf(e.stdout, "%s\n  %s\n  → %s\n\n", e.words.Say(where), meaning, e.words.Say(known.Advice))
	}
	if unknown != nil {
		return fmt.Errorf("doctor: no explanation for %s", strings.Join(unknown, ", "))
	}
	return nil
}

func explanation(text string) (wechat.Explanation, bool) {
	var number int64
	if _, err := fmt.Sscan(cmp.Or(text, "none"), &number); err != nil || fmt.Sprint(number) != text {
		return wechat.Explanation{}, false
	}
	return wechat.Explain(number)
}
