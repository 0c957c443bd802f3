//go:build unix

package main

import (
	"syscall"

	"wxlogin/bench/rig"
)

// halt pauses a process; resume lets it continue.
func halt(p *rig.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *rig.Process) error { return p.Signal(syscall.SIGCONT) }
