// Command server is wxlogin: the login service for web pages inside WeChat.
// `server --help` lists its commands.
//
// It reads the settings, puts the parts together and runs them. It does not know SQL,
// WeChat's wire format or what a page looks like, and holds no rule of who may sign in or
// be an admin.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/telemetry"
	"wxlogin/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks the process to finish. It also restores the default handling,
	// so that a second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// commands are the commands of the program.
type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Run the service (the default)."`
	Demo        demoCommand        `cmd:"" help:"Run the service against a simulated WeChat on this machine: no account, no internet, no configuration."`
	Simulator   simulatorCommand   `cmd:"" help:"Run the simulated WeChat alone, to develop against."`
	Admin       adminCommands      `cmd:"" help:"Let people into the admin pages."`
	Account     accountCommands    `cmd:"" help:"The accounts with WeChat that people sign in by."`
	Client      clientCommands     `cmd:"" help:"Let applications ask who somebody is (OpenID Connect)."`
	Person      personCommands     `cmd:"" help:"People and their groups."`
	Backup      backupCommand      `cmd:"" help:"Copy the live SQLite database to a new file."`
	MigrateData migrateDataCommand `cmd:"" name:"migrate-data" help:"Copy a SQLite database into PostgreSQL."`
	Doctor      doctorCommand      `cmd:"" help:"Check settings, database, keys and WeChat, and say what to do about what is wrong."`
	Keygen      keygenCommand      `cmd:"" help:"Print a new key for WXLOGIN_KEYS."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit 0 when the running service is ready."`
	Help        helpCommand        `cmd:"" help:"Explain a command, as --help does."`
	Version     versionCommand     `cmd:"" help:"Print version, commit and Go version."`
}

// helpCommand exists to be listed in the help; usual has replaced it by --help.
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command to explain."`
}

// usual turns what people type by habit (help, -v) into the form that the parser knows.
func usual(args []string) []string {
	if len(args) == 0 {
		return args
	}
	switch args[0] {
	case "help":
		return append(slices.Clone(args[1:]), "--help")
	case "--version", "-version", "-V", "-v":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// environment is what a command gets from the process around it.
type environment struct {
	vars   map[string]string // of the process and of .env
	stdout io.Writer         // untranslated, for programs too
	stderr io.Writer
	words  terminal.Words // of the terminal
}

// answer prints a command's result for people, translated, on standard output.
func (e *environment) answer(format string, args ...any) {
	io.WriteString(e.stdout, e.words.Translate(fmt.Sprintf(format, args...))) // a failed write has nowhere to be reported
}

// remark prints a note on standard error, apart from the command's output.
func (e *environment) remark(format string, args ...any) {
	io.WriteString(e.stderr, e.words.Translate(fmt.Sprintf(format, args...)))
}

// remarkIf says why a list is empty. It writes to standard error, as programs read the list.
func (e *environment) remarkIf(empty bool, why string) {
	if empty {
		e.remark("%s\n", why)
	}
}

// logs opens the log that --log-format and --log-level ask for.
func (e *environment) logs(format, level string) (telemetry.Logs, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return telemetry.Logs{}, settings.Errorf("log-level", "%q is not one of debug, info, warn, error", level)
	}
	if !slices.Contains([]string{"", "text", "json"}, format) {
		return telemetry.Logs{}, settings.Errorf("log-format", "%q is not one of text, json", format)
	}
	return telemetry.NewLogs(e.stderr, format, least), nil
}

// withoutReasons returns an error's text without the reasons' names, which are for
// programs, where the cause says it in words.
func withoutReasons(err error) string {
	text := err.Error()
	for {
		named, ok := errors.AsType[*auth.Error](err)
		if !ok || named.Cause == nil {
			return text
		}
		text, err = strings.Replace(text, named.Error(), named.Cause.Error(), 1), named.Cause
	}
}

// run is the whole program except the process around it. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	env := &environment{stdout: stdout, stderr: stderr, words: terminal.WordsOf(terminal.LanguageOf(environ))}
	fail := func(err error) int {
		// No error of ours shows a secret; a library's might.
		text := settings.Redactor(env.vars, args).Replace(withoutReasons(err))
		fmt.Fprintln(patientWriter{stderr}, "server:", env.words.Translate(text))
		return 1
	}
	var err error
	if env.vars, err = settings.ReadVariables(environ, ".env"); err != nil {
		return fail(err)
	}
	var cli commands
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("server"),
		kong.Description("wxlogin: the login service for web pages inside WeChat that remembers people."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.Resolvers(settings.Resolver(env.vars)),
		kong.ValueFormatter(settings.HelpWithVariable),
		kong.Help(env.words.PrintHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		return fail(err)
	}
	command, err := parser.Parse(usual(args))
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		return fail(settings.NameVariable(err))
	}
	if target, ok := command.Selected().Target.Addr().Interface().(interface{ TakeSecrets(map[string]string) }); ok {
		target.TakeSecrets(env.vars)
	}
	if err := command.Run(); err != nil {
		return fail(err)
	}
	return 0
}
