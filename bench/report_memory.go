package main

import (
	"fmt"
	"time"

	"wxlogin/bench/rig"
)

func (r *report) rest(s *stored, ready time.Duration, now int64, ok bool) {
	r.memory().add("at rest, "+s.name(), megabytes(now, ok), "", "", short(ready), "")
}

func (r *report) flight(s *stored, visits int, l rig.Load, now, peak int64, ok bool) {
	r.memory().add(fmt.Sprintf("%d visits in flight, %s", visits, s.name()), megabytes(now, ok), megabytes(peak, ok), fmt.Sprintf("%.0f", l.Rate()), "", "")
}

func (r *report) memory() *section {
	return r.section(used, memoryTitle, "", "resident", "at most", "requests/s", "start to ready", "aim")
}

// afterLoad adds the memory some time after a load.
func (r *report) afterLoad(s *stored, load, rest time.Duration, connections int, now int64, ok bool) {
	aim := ""
	if ok {
		aim = limited(float64(now), "at most "+megabytes(aimAfterLoad, true), aimAfterLoad)
	}
	r.memory().add(fmt.Sprintf("%v after %v of visits on %d connections, %s", rest, load, connections, s.name()), megabytes(now, ok), "", "", "", aim)
}
