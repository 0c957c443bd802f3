//go:build unix

package main

import (
	"syscall"

	"wxlogin/bench/rig"
)

// halt stops a process where it stands; resume lets it go on.
func halt(p *rig.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *rig.Process) error { return p.Signal(syscall.SIGCONT) }
