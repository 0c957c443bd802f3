package rig

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Process is a running program.
type Process struct {
	cmd    *exec.Cmd
	out    string // file with its output
	exited chan struct{}
	Began  time.Time

	patience time.Duration // 0: startTime
}

// startTime is how long a program may take until it is ready. It may have to migrate a
// million people first.
const startTime = 5 * time.Minute

var started atomic.Int64 // numbers the files of their output

// Start runs a program in a folder, with these variables and no others of ours. Its output
// goes to a file, as it would on a server, and costs the driver nothing.
func Start(folder string, variables []string, program string, args ...string) (*Process, error) {
	name := fmt.Sprintf("%02d-%s.log", started.Add(1), filepath.Base(program))
	out, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &Process{cmd: exec.Command(program, args...), out: out.Name(), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = folder, out, out
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "WXLOGIN_") && !strings.HasPrefix(entry, "OTEL_") {
			p.cmd.Env = append(p.cmd.Env, entry)
		}
	}
	p.cmd.Env = append(p.cmd.Env, variables...)
	p.Began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // the result is in ProcessState
		close(p.exited)
	}()
	return p, nil
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the process at once and waits for its end.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// Stop asks the process to end, and kills it if that takes too long. It returns an error
// unless the process exits cleanly.
func (p *Process) Stop() error {
	select {
	case <-p.exited:
	default:
		if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		p.Kill()
		return fmt.Errorf("%s did not end within a minute", p.cmd.Path)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %d:\n%s", filepath.Base(p.cmd.Path), code, p.Tail())
	}
	return nil
}

// Tail returns the end of the output.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.out)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// Lines calls visit for every line of the output so far.
func (p *Process) Lines(visit func(line []byte)) error {
	file, err := os.Open(p.out)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		visit(lines.Bytes())
	}
	return lines.Err()
}

// Wait waits for a whole line of output that contains the text, and returns it.
func (p *Process) Wait(ctx context.Context, text string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.patience, startTime))
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		written, err := os.ReadFile(p.out)
		if err != nil {
			return "", err
		}
		for line := range bytes.Lines(written) {
			if bytes.HasSuffix(line, []byte("\n")) && bytes.Contains(line, []byte(text)) {
				return string(line), nil
			}
		}
		select {
		case <-look.C:
		case <-p.exited:
			return "", fmt.Errorf("%s has ended:\n%s", filepath.Base(p.cmd.Path), p.Tail())
		case <-ctx.Done():
			return "", fmt.Errorf("%s does not write %q: %w", filepath.Base(p.cmd.Path), text, ctx.Err())
		}
	}
}

// address reads the field address of a JSON line.
func address(line string) (string, error) {
	var entry struct{ Address string }
	err := json.Unmarshal([]byte(line), &entry)
	if err == nil && entry.Address == "" {
		err = fmt.Errorf("no address in %q", line)
	}
	return strings.TrimPrefix(entry.Address, "http://"), err
}
