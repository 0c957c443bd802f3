package rig

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Clock is the time of day as the program sees it, to be moved while it runs: what a
// machine does that has just learnt the time, or is told a wrong one. What only passes
// (timers, and how long something takes) goes on as ever, as it does there.
//
// A library that is loaded before others, as faketime is, does not reach Go's programs,
// which ask the kernel themselves. So the program is built with another time.Now, which
// adds the seconds that stand in a file.
type Clock struct {
	Program string // the server with that clock
	file    string
}

const clockVariable = "RIG_CLOCK"

// movedClock goes into Go's package time.
const movedClock = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var movedSeconds = func() *int64 {
	name, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return new(int64)
	}
	file, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		panic("` + clockVariable + `: " + err.Error())
	}
	page, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("` + clockVariable + `: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}()

func moved() int64 { return atomic.LoadInt64(movedSeconds) }
`

// NewClock builds the program once more, into the folder, with a clock that is right as
// yet.
func NewClock(ctx context.Context, folder string) (*Clock, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		return nil, err
	}
	const now = "sec, nsec, mono := runtimeNow()\n"
	if bytes.Count(text, []byte(now)) != 1 {
		return nil, fmt.Errorf("this version of Go asks for the time in another way than 1.26: no %q in time.Now", strings.TrimSpace(now))
	}
	c := &Clock{Program: filepath.Join(folder, "server-with-a-clock"), file: filepath.Join(folder, "clock")}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(source, "time.go"):  filepath.Join(folder, "clock-now.go"),
		filepath.Join(source, "moved.go"): filepath.Join(folder, "clock-moved.go"),
	}})
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{
		"clock-now.go":       bytes.Replace(text, []byte(now), []byte(now+"\tsec += moved()\n"), 1),
		"clock-moved.go":     []byte(movedClock),
		"clock-overlay.json": overlay,
		"clock":              make([]byte, 8),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", filepath.Join(folder, "clock-overlay.json"), "-trimpath", "-ldflags", "-s -w", "-o", c.Program, "wxlogin/cmd/server")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build -overlay: %w\n%s", err, out)
	}
	return c, nil
}

func (c *Clock) variable() string { return clockVariable + "=" + c.file }

// Set moves the clock so far from the right time.
func (c *Clock) Set(ahead time.Duration) error {
	file, err := os.OpenFile(c.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second)), 0)
	return err
}
