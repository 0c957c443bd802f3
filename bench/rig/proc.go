package rig

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// The resources of a process, from Linux's /proc. Without /proc the last result is false, and
// the figure is left out.

// tick is the unit of times in /proc/PID/stat: USER_HZ, 100 on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// CPU returns the processor time of all threads of a process, in user mode and in the kernel.
func CPU(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name in brackets may contain anything, so fields are counted from behind it.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err1 == nil && err2 == nil
}

// Children returns the running child processes of a process.
func Children(pid int) (children []int, err error) {
	entries, err := os.ReadDir("/proc")
	for _, entry := range entries {
		child, bad := strconv.Atoi(entry.Name())
		if bad != nil {
			continue
		}
		text, bad := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if bad != nil {
			continue // it has ended
		}
		if fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]); len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children, err
}

// Memory returns the resident memory of a process, and its peak since the start or the last
// ForgetPeak, in bytes.
func Memory(pid int) (now, peak int64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, false
	}
	now, ok1 := kilobytes(string(text), "VmRSS:")
	peak, ok2 := kilobytes(string(text), "VmHWM:")
	return now, peak, ok1 && ok2
}

// ForgetPeak resets the peak of Memory.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

func kilobytes(text, name string) (int64, bool) {
	_, rest, ok := strings.Cut(text, name)
	if !ok {
		return 0, false
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	return n << 10, err == nil
}
