//go:build !unix

package main

import "wxlogin/bench/rig"

// This system has no such signals.
func halt(*rig.Process) error   { return nil }
func resume(*rig.Process) error { return nil }
