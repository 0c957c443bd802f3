//go:build !linux

package rig

import "errors"

// Apart works on Linux only.
func Apart(int, ...int) (free func(), err error) {
	return nil, errors.New("only Linux keeps a process to a processor")
}

// Prefer works on Linux only.
func Prefer(int) error { return nil }
