package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// watchedProgram is the program within the test's own binary, with the race detector
// if the tests have it: for what happens at the same time in one process. Each start
// costs a tenth of a second of a processor, a demonstration more than four.
const watchedProgram = "server"

// plainProgram is the program as go build makes it, once for all tests: for what a
// user types, and for pages and proxies, where one thing happens after another.
// It starts in a fifth of the time.
func plainProgram(t testing.TB) string {
	t.Helper()
	program, err := sharedProgram()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// What tests of this package make once, in a folder that goes when all have ended.
var (
	sharedFolder   = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "wxlogin-shared-") })
	sharedProgram  = sync.OnceValues(buildProgram)
	sharedChromium sharedBrowser
)

func buildProgram() (string, error) {
	folder, err := sharedFolder()
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "server")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// startDemo starts the demonstration on free ports.
func startDemo(t *testing.T, folder string, variables ...string) *process {
	t.Helper()
	p := startProgram(t, plainProgram(t), folder, variables, "demo", "--addr=127.0.0.1:0", "--simulator-addr=127.0.0.1:0", "--app-addr=127.0.0.1:0")
	p.stdout.wait(t, "Ctrl+C")
	return p
}

// endsWhatIsShared runs the tests of the package and then ends what they shared.
type endsWhatIsShared struct{ testscript.TestingM }

func (m endsWhatIsShared) Run() int {
	// A program with the race detector waits a second when it ends, unless it is told
	// not to: see the Makefile.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	// What nohup lets this process ignore, those it starts would ignore as well; what it
	// catches, they do not.
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	defer func() {
		if sharedChromium.end != nil {
			sharedChromium.end()
		}
		if folder, err := sharedFolder(); err == nil {
			os.RemoveAll(folder)
		}
	}()
	return m.TestingM.Run()
}
