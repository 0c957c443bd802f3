//go:build !linux

package rig

import "errors"

// Apart is for Linux.
func Apart(int, ...int) (free func(), err error) {
	return nil, errors.New("only Linux keeps a process to a processor")
}

// Prefer is for Linux.
func Prefer(int) error { return nil }
