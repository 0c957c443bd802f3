package rig

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Apart gives a process a processor of its own, and the others another one that they
// share. free lets all of them go where they could go before.
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

// Prefer has a process run before all others on its processor, as soon as it has
// anything to do: how long it waits is then said by whom it asks.
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

// keepTo keeps all threads of a process to processors. A new thread has those of the
// one that starts it, so it looks again until it has seen all.
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
