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

// Clock is the time of day as the program sees it, which can be moved while the program
// runs, like the clock of a machine that is set. The monotonic clock (timers and durations)
// is not affected, as on a real machine.
//
// A preloaded library like faketime does not work with Go programs, which ask the kernel
// directly. So the program is built with another time.Now, which adds the seconds in a file.
type Clock struct {
	Program string // the server built with this clock
	file    string
}

const clockVariable = "RIG_CLOCK"

// movedClock is added to Go's package time.
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

// NewClock builds the program once more, into the folder, with a clock that is right at
// first.
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

// Set moves the clock ahead of the right time, or behind it.
func (c *Clock) Set(ahead time.Duration) error {
	file, err := os.OpenFile(c.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second)), 0)
	return err
}
