package rig

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Apart pins a process to a processor of its own, and the others to another one that they
// share. free restores the processors that they had before.
func Apart(alone int, others ...int) (free func(), err error) {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, err
	}
	var cores []int
	for i := 0; i < 8*len(before)*8 && len(cores) < 2; i++ {
		if before.IsSet(i) {
			cores = append(cores, i)
		}
	}
	if len(cores) < 2 {
		return nil, errors.New("there is one processor alone")
	}
	free = func() {
		for _, pid := range append(others, alone) {
			_ = keepTo(pid, before) // it may have ended
		}
	}
	var first, second unix.CPUSet
	first.Set(cores[0])
	second.Set(cores[1])
	err = keepTo(alone, first)
	for _, pid := range others {
		if err == nil {
			err = keepTo(pid, second)
		}
	}
	if err != nil {
		free()
		return nil, err
	}
	return free, nil
}

// Prefer gives a process priority over all others on its processor, so that it waits only
// for the server that it measures.
func Prefer(pid int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	first := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = unix.SchedSetAttr(id, &first, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// keepTo pins all threads of a process to processors. A new thread inherits the processors
// of the thread that starts it, so keepTo repeats until it finds no new one.
func keepTo(pid int, set unix.CPUSet) error {
	seen := make(map[int]bool)
	for {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return err
		}
		found := false
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil || seen[id] {
				continue
			}
			seen[id], found = true, true
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		if !found {
			return nil
		}
	}
}
