//go:build !unix

package main

import "wxlogin/bench/rig"

// There are no such signals here.
func halt(*rig.Process) error   { return nil }
func resume(*rig.Process) error { return nil }
