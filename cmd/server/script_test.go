package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	server "wxlogin/cmd/server"
)

// TestMain makes the program a command, for tests that start a process.
func TestMain(m *testing.M) {
	testscript.Main(endsWhatIsShared{m}, map[string]func(){watchedProgram: server.Main})
}

// TestScripts runs what a user types, in testdata/script.
func TestScripts(t *testing.T) {
	plain := filepath.Dir(plainProgram(t))
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"wrong": wrongSetting, "typo": typoInDotenv},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", plain+string(os.PathListSeparator)+env.Getenv("PATH"))
			// Settings of a service that could start, but for a database that
			// cannot be made: no script waits for a service by mistake.
			env.Setenv("WXLOGIN_ADDR", "127.0.0.1:0")
			env.Setenv("WXLOGIN_PUBLIC_URL", "https://h5.example.com")
			env.Setenv("WXLOGIN_APPID", "wx0123456789abcdef")
			env.Setenv("WXLOGIN_APPSECRET", "0123456789abcdef0123456789abcdef")
			env.Setenv("WXLOGIN_DATABASE_URL", "sqlite:"+env.WorkDir+"/no/such/folder/wxlogin.db")
			// WeChat is never called: nothing listens here.
			env.Setenv("WXLOGIN_WECHAT_OPEN_URL", "http://127.0.0.1:1")
			env.Setenv("WXLOGIN_WECHAT_API_URL", "http://127.0.0.1:1")
			return nil
		},
	})
}

// wrongSetting is the script command
//
//	wrong VARIABLE=value text
//
// The service must not start with the setting, and must say so in one line that
// names the setting and holds the text.
func wrongSetting(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wrong VARIABLE=value text")
	}
	name, _, _ := strings.Cut(args[0], "=")
	err := ts.Exec("env", args[0], "server", "serve")
	said := ts.ReadFile("stderr")
	switch {
	case err == nil:
		ts.Fatalf("the service took %s", args[0])
	case strings.Count(said, "\n") != 1:
		ts.Fatalf("%s is not answered in one line:\n%s", args[0], said)
	case !strings.Contains(said, name+": ") || !strings.Contains(said, args[1]):
		ts.Fatalf("the answer to %s should name it and say %q:\n%s", args[0], args[1], said)
	case ts.ReadFile("stdout") != "":
		ts.Fatalf("stdout: %s", ts.ReadFile("stdout"))
	}
}

// typoInDotenv is the script command
//
//	typo 'server …' pattern
//
// The command must fail in one line that begins with the file and matches the
// pattern, and hold nothing of a value: all of them have "hush" in them.
func typoInDotenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: typo 'server …' pattern")
	}
	words := strings.Fields(args[0])
	err := ts.Exec(words[0], words[1:]...)
	said := ts.ReadFile("stderr")
	switch {
	case err == nil:
		ts.Fatalf("%s took the file", args[0])
	case !strings.HasPrefix(said, "server: .env: ") || strings.Count(said, "\n") != 1 || !regexp.MustCompile(args[1]).MatchString(said):
		ts.Fatalf("%s should say in one line what is wrong where, %q:\n%s", args[0], args[1], said)
	case strings.Contains(said+ts.ReadFile("stdout"), "hush"):
		ts.Fatalf("%s shows a value:\n%s", args[0], said)
	}
}
