// Package clocktest gives tests the times of a machine whose clock has been set.
//
// It does not know whose clock it is, and is part of no program.
package clocktest

import (
	"time"
	"unsafe"
)

// Jumped is a time as time.Now gives it once the clock has been set by whole seconds,
// forward or back: of the two readings that it holds, the wall clock's is changed and the
// monotonic one stays. t is from time.Now. No function of package time makes such a time,
// so it is written into the value.
func Jumped(t time.Time, by time.Duration) time.Time {
	set := t
	*(*uint64)(unsafe.Pointer(&set)) += uint64(by/time.Second) << 30 // see time.Time
	if set.Sub(t) != 0 || set.Round(0).Sub(t.Round(0)) != by {
		panic("this version of Go keeps times otherwise")
	}
	return set
}
