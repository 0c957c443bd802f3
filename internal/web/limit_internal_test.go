package web

import (
	"fmt"
	"testing"
	"time"
)

// Windows turn as time passes, counts of the one before are kept for one more,
// and a million addresses take no more memory than one.
func TestSlotCounter(t *testing.T) {
	c := newSlotCounter()
	c.Config(10, time.Minute)
	start := time.Unix(0, 0)
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	want := func(minute, current, previous int) {
		t.Helper()
		gotCurrent, gotPrevious, err := c.Get("phone", at(minute), at(minute-1))
		if err != nil || gotCurrent != current || gotPrevious != previous {
			t.Fatalf("minute %d: %d and %d before, %v; want %d and %d", minute, gotCurrent, gotPrevious, err, current, previous)
		}
	}
	for range 3 {
		c.Increment("phone", at(1))
	}
	want(1, 3, 0)
	c.Increment("phone", at(2))
	want(2, 1, 3)
	want(3, 0, 1)
	c.Increment("phone", at(3))
	want(9, 0, 0)
	i := 0
	if allocs := testing.AllocsPerRun(1000, func() {
		c.IncrementBy(addresses[i%len(addresses)], at(9), 1)
		i++
	}); allocs != 0 {
		t.Errorf("%v allocations for an address", allocs)
	}
}

var addresses = func() (list []string) {
	for i := range 1000 {
		list = append(list, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	return list
}()
