package main

import (
	"context"
	"os"
	"runtime/debug"
	goruntime "runtime/metrics"
	"time"
)

// Go's collector works whenever the heap has doubled. Ours, of 7 MB at rest, had
// done so after 700 visits, and a seventh of all work was the collector's. So the
// heap may grow fivefold, but no further than a limit that is small, and rises
// only with what is really in use.
const (
	heapGrowth    = 400      // percent; GOGC
	smallestLimit = 80 << 20 // bytes of the runtime's memory; GOMEMLIMIT
	lookEvery     = time.Second

	// What a load has used is given back once it is over: so many looks, at each of
	// which little had been allocated, after so much in all.
	quietLooks = 10
	quietBytes = 1 << 20
	worthIt    = 16 << 20
)

// tunable says whether the collector is ours to tune. An operator who has set it
// knows better.
func tunable() bool { return os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" }

// tuneGCForStart lets the start go on without collections, which took as much of
// the processors as all the rest of it.
func tuneGCForStart() {
	if tunable() {
		debug.SetGCPercent(heapGrowth)
	}
}

// settle is how long after the start the jobs have run that every process begins
// with.
const settle = time.Second

// tuneGC keeps the garbage collector tuned to what is in use, until ctx ends.
func tuneGC(ctx context.Context) {
	if !tunable() {
		return
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return
	}
	debug.FreeOSMemory() // what the start has used, a third of all, is not needed again
	limit := int64(0)
	idle := idleness{}
	every(ctx, lookEvery, func() {
		if idle.over(allocated()) {
			debug.FreeOSMemory() // else the heap keeps the size that the load gave it
		}
		// Small changes are not worth stopping all goroutines for a moment.
		if wanted := limitFor(inUse()); wanted-limit > limit/10 || limit-wanted > limit/10 {
			limit = wanted
			debug.SetMemoryLimit(limit)
		}
	})
}

// idleness finds out that a load is over.
type idleness struct {
	last, freed uint64 // bytes allocated until the last look, and until memory was given back
	quiet       int    // looks
}

// over says whether it is, by the bytes allocated since the start: once after each
// load.
func (i *idleness) over(allocated uint64) bool {
	i.quiet++
	if allocated-i.last > quietBytes {
		i.quiet = 0
	}
	i.last = allocated
	if i.quiet < quietLooks || allocated-i.freed < worthIt {
		return false
	}
	i.freed = allocated
	return true
}

// allocated is how many bytes have been allocated since the start.
func allocated() uint64 {
	samples := []goruntime.Sample{{Name: "/gc/heap/allocs:bytes"}}
	goruntime.Read(samples)
	return samples[0].Value.Uint64()
}

// limitFor leaves half as much again as is in use. With many requests in flight
// most of it are stacks, which do not grow, so that the heap may double.
func limitFor(inUse uint64) int64 { return max(smallestLimit, int64(inUse)*3/2) }

// inUse is what the last collection has found in use, and the stacks.
func inUse() uint64 {
	samples := []goruntime.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	goruntime.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}
