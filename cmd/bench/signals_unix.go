//go:build unix

package main

import (
	"syscall"

	"wxlogin/internal/bench"
)

// halt stops a process where it stands; resume lets it go on.
func halt(p *bench.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *bench.Process) error { return p.Signal(syscall.SIGCONT) }
