//go:build !unix

package main

import "wxlogin/internal/bench"

// There are no such signals here.
func halt(*bench.Process) error   { return nil }
func resume(*bench.Process) error { return nil }
