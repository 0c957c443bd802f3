// Command bench puts the built program under load over HTTP, as phones do. It measures how
// fast the program is beside the least that could do the same (bench), whether it keeps its
// promises while everything around it fails (bench soak), whether a revoked session is ever
// answered (bench races), what thousands of desktops cost that wait for a phone (bench
// scans), and what an upgrade and a backup take (bench upgrade). docs/performance.md says
// how each figure is measured.
//
// It is not part of the product and imports nothing of it: it knows commands, settings,
// addresses and the schema, and none of the code behind them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"wxlogin/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the whole program except the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case lookCommand:
		return look(ctx, args[1:], stdout)
	case bareCommand:
		return serveBare(ctx, args[1:], stdout)
	case rowsCommand:
		return writeRows(ctx, args[1:], stdout)
	case signaturesCommand:
		return sign(ctx, args[1:], stdout)
	case soakCommand:
		return runSoak(ctx, args[1:], stdout, stderr)
	case racesCommand:
		return runRaces(ctx, args[1:], stdout, stderr)
	case scansCommand:
		return runScans(ctx, args[1:], stdout, stderr)
	case upgradeCommand:
		return runUpgrade(ctx, args[1:], stdout, stderr)
	}
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	return measure(ctx, o, stdout, stderr)
}

// built returns the path of the program under load: the given one, or one that it builds
// into the folder. It builds by package path, so the driver can be started anywhere in the
// module.
func built(ctx context.Context, program, folder string) (string, error) {
	if program != "" {
		return filepath.Abs(program)
	}
	program = filepath.Join(folder, "server")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "wxlogin/cmd/server")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// inWorld runs f in a world in a temporary folder, which is removed afterwards. The
// program under load is the given one, or is built.
func inWorld(ctx context.Context, command, program string, f func(*rig.World) error) (err error) {
	folder, err := os.MkdirTemp("", "wxlogin-"+command+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if program, err = built(ctx, program, folder); err != nil {
		return err
	}
	world, err := rig.NewWorld(ctx, folder, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	return f(world)
}

// child returns the program and variables with which this program starts itself for a part
// in a process of its own. The variable makes the binary of the tests act as this program.
func child() (program string, variables []string, err error) {
	program, err = os.Executable()
	return program, []string{childVariable + "=1"}, err
}

const childVariable = "BENCH_CHILD"

// startChild starts a command of this program in a process of its own, which reads its task
// with readTask.
func startChild(folder, command string, task any) (*rig.Process, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, command+".json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	program, variables, err := child()
	if err != nil {
		return nil, err
	}
	return rig.Start(folder, variables, program, command, file)
}

// readTask reads the task of a command that startChild has started.
func readTask(command string, args []string, task any) error {
	if len(args) != 1 {
		return fmt.Errorf("%s: give the file that says what to do", command)
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	return json.Unmarshal(text, task)
}

// runChild runs a command of this program in a process of its own and returns its output.
func runChild(ctx context.Context, folder, command string, args ...string) ([]byte, error) {
	program, variables, err := child()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{command}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = folder, append(cmd.Environ(), variables...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return out, nil
}
