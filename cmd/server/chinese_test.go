package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wxlogin/internal/wechat"
)

// english matches an English sentence. Names of settings, commands to type and addresses do
// not count as one.
var (
	english  = regexp.MustCompile(`[A-Za-z]{2,}[,;:]? [a-z]{2,}[,;:]? [a-z]{2,}`)
	typed    = regexp.MustCompile("`[^`]*`|server [a-z]+ [a-z]+|nginx：.*|chmod 600 \\S*")
	newWords = map[string]string{"zh_CN.UTF-8": "设置", "zh_TW.UTF-8": "設定", "zh_HK": "設定"}
)

func wantChinese(t *testing.T, what, said string) {
	t.Helper()
	if line := english.FindString(typed.ReplaceAllString(said, "")); line != "" {
		t.Errorf("%s: %q is English in\n%s", what, line, said)
	}
	if !regexp.MustCompile(`\p{Han}`).MatchString(said) {
		t.Errorf("%s: no Chinese in\n%s", what, said)
	}
}

// With a terminal set to Chinese, help, doctor, errors that stop a start, and answers are in
// Chinese, and no secret gets into them.
func TestChineseTerminal(t *testing.T) {
	taken := must(net.Listen("tcp", "127.0.0.1:0"))
	defer taken.Close()
	const secret = "hushhushhushhushhushhushhushhush"
	good := []string{"WXLOGIN_PUBLIC_URL=http://127.0.0.1:8007", "WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=" + secret}
	with := func(variables ...string) []string { return append(variables, good...) }
	explained := []string{"doctor", "--"}
	for n := int64(-1); n < 100_000; n++ {
		if _, ok := wechat.Explain(n); ok {
			explained = append(explained, fmt.Sprint(n))
		}
	}
	run := func(lang string, variables []string, args ...string) (said string) {
		command := exec.CommandContext(t.Context(), plainProgram(t), args...)
		command.Dir = t.TempDir()
		command.Env = append(append(outsideVariables(), variables...), "LANG="+lang, "WXLOGIN_WECHAT_OPEN_URL=http://127.0.0.1:1", "WXLOGIN_WECHAT_API_URL=http://127.0.0.1:1")
		text, err := command.CombinedOutput()
		if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
			t.Fatal(err)
		}
		return string(text)
	}
	for lang, word := range newWords {
		for _, args := range [][]string{
			{"--help"}, {"help"}, {"serve", "--help"}, {"demo", "--help"}, {"simulator", "--help"}, {"admin", "--help"}, {"admin", "end", "--help"},
			{"backup", "--help"}, {"migrate-data", "--help"}, {"doctor", "--help"}, {"keygen", "--help"}, {"healthcheck", "--help"},
			{"person", "--help"}, {"client", "--help"}, {"client", "add", "--help"}, {"serv"}, {"--publc-url=x"}, {"--addr"}, {"--addr", "-x"}, {"--session-idle=abc"}, {"--rate-limit=x"}, {"--allow-http=perhaps"},
			{"admin"}, {"admin", "grnt"}, {"admin", "grant"}, {"backup"}, {"backup", "a", "b"}, {"migrate-data"}, {"migrate-data", "--from=x"},
			{"doctor"}, {"doctor", "--offline"}, {"doctor", "99"}, explained, {"healthcheck"}, {"admin", "list"},
		} {
			wantChinese(t, lang+" "+strings.Join(args, " "), run(lang, nil, args...))
		}
		if said := run(lang, nil, "serve", "--help"); !strings.Contains(said, word) {
			t.Errorf("%s: the help has no %s", lang, word)
		}
	}
	for what, variables := range map[string][]string{
		"nothing set":      nil,
		"unknown variable": with("WXLOGIN_FOO=1"),
		"all wrong": {"WXLOGIN_PUBLIC_URL=https://你好.cn/callback", "WXLOGIN_APPID=gh_123", "WXLOGIN_SCOPE=x", "WXLOGIN_LANG=de", "WXLOGIN_RETURN_HOSTS=a.com，b.com,.c.com,*.d.com",
			"WXLOGIN_ADMINS=x", "WXLOGIN_TRUSTED_PROXIES=x", "WXLOGIN_SESSION_LIFETIME=1h", "WXLOGIN_SESSION_IDLE=2s", "WXLOGIN_RECHECK_AFTER=1s", "WXLOGIN_KEEP_LOGINS=1h",
			"WXLOGIN_TIME_ZONE=Mars", "WXLOGIN_RATE_LIMIT=-1", "WXLOGIN_VERIFY_FILE=x", "WXLOGIN_ADDR=8007", "WXLOGIN_DATABASE_URL=mysql://u:" + secret + "@h/d"},
		"cookie domain":   with("WXLOGIN_COOKIE_DOMAIN=example.org"),
		"a file":          with("WXLOGIN_KEYS_FILE=/no/such/file"),
		"the secret":      {"WXLOGIN_APPSECRET_FILE=" + secret},
		"log level":       with("WXLOGIN_LOG_LEVEL=" + "x"),
		"no folder":       with("WXLOGIN_DATABASE_URL=sqlite:/no/such/folder/x.db"),
		"wrong keys":      with("WXLOGIN_KEYS=" + secret),
		"no keys":         with("WXLOGIN_DATABASE_URL=postgres://u:" + secret + "@127.0.0.1/db"),
		"no URL":          with("WXLOGIN_DATABASE_URL=postgres://u:" + secret + "#@127.0.0.1/db"),
		"a taken port":    with("WXLOGIN_ADDR=" + taken.Addr().String()),
		"no address here": with("WXLOGIN_ADDR=192.0.2.1:80"),
		"traces":          with("OTEL_TRACES_EXPORTER=console"),
		"TZ":              with("TZ=Beijing"),
	} {
		said := run("zh_CN.UTF-8", variables, "serve")
		wantChinese(t, what, said)
		if strings.Contains(said, secret) || strings.Contains(said, secret[:10]) {
			t.Errorf("%s: a secret is shown:\n%s", what, said)
		}
	}
}

// An empty list says so to people, beside it: a program reads a list without lines.
func TestAnEmptyListSaysSo(t *testing.T) {
	folder := t.TempDir()
	good := []string{"WXLOGIN_PUBLIC_URL=http://127.0.0.1:8007", "WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=0123456789abcdef0123456789abcdef"}
	run := func(variables []string, args ...string) *process {
		p := startProgram(t, plainProgram(t), folder, variables, args...)
		p.wantExit(0)
		return p
	}
	run(good, "admin", "link")
	for _, list := range []string{"admin list", "admin sessions", "person list", "client list"} {
		p := run(append([]string{"LC_ALL=zh_CN.UTF-8"}, good...), strings.Fields(list)...)
		if printed := p.stdout.text(); printed != "" {
			t.Errorf("%s prints %q", list, printed)
		}
		wantChinese(t, list, p.stderr.text())
		if said := p.stderr.text(); strings.Count(said, "\n") != 1 {
			t.Errorf("%s says %q", list, said)
		}
	}
	run(good, "admin", "grant", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M")
	full := run(good, "admin", "list")
	if said := full.stderr.text(); said != "" || strings.Count(full.stdout.text(), "\n") != 1 {
		t.Errorf("a list of one says %q beside %q", said, full.stdout.text())
	}
}

// What programs read is the same in every language: the address of an admin link, a
// key, the version, and the log.
func TestChineseIsForPeopleOnly(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "x.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	good := []string{"LC_ALL=zh_CN.UTF-8", "WXLOGIN_PUBLIC_URL=http://127.0.0.1:8007", "WXLOGIN_APPID=wx0123456789abcdef", "WXLOGIN_APPSECRET=0123456789abcdef0123456789abcdef"}
	for command, form := range map[string]string{
		"admin link": `^http://127\.0\.0\.1:8007/admin/link\?token=\S+\n$`,
		"keygen":     `^\S+:\S+\n$`,
		"version":    `^wxlogin .* go1\S+\n$`,
	} {
		p := runs(t, good, strings.Fields(command)...)
		p.wantExit(0)
		if said := p.stdout.text(); !regexp.MustCompile(form).MatchString(said) {
			t.Errorf("%s prints %q", command, said)
		}
	}
	p := startIn(t, folder, append(good, "WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_LOG_FORMAT=json", "WXLOGIN_DATABASE_URL=sqlite:x.db"), "serve")
	p.wantExit(1)
	first, last, _ := strings.Cut(p.stderr.text(), "\n")
	var line struct{ Msg string }
	if err := json.Unmarshal([]byte(first), &line); err != nil || !english.MatchString(line.Msg) {
		t.Errorf("the log says %s", first)
	}
	if !strings.HasPrefix(last, "server: 打开数据库：") || !strings.HasSuffix(last, " 不是普通文件\n") {
		t.Errorf("the start ends with %s", last)
	}
}
