package main

import (
	"context"
	"os"
	"runtime/debug"
	goruntime "runtime/metrics"
	"time"
)

// By default Go collects garbage whenever the heap has doubled. Ours is 7 MB at rest and
// doubled every 700 visits, so the collector took a seventh of the processor time.
// Therefore the heap may grow fivefold, up to a small limit that rises only with the memory
// that is in use.
const (
	heapGrowth    = 400      // percent; GOGC
	smallestLimit = 80 << 20 // bytes of the runtime's memory; GOMEMLIMIT
	lookEvery     = time.Second

	// Memory is returned to the system after quietLooks looks in a row that each saw less
	// than quietBytes allocated, if at least worthIt was allocated since the last time.
	quietLooks = 10
	quietBytes = 1 << 20
	worthIt    = 16 << 20
)

// tunable reports whether we tune the collector. An operator's own settings take
// precedence.
func tunable() bool { return os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" }

// tuneGCForStart spares the start its collections, which took as much processor time as
// the rest of it.
func tuneGCForStart() {
	if tunable() {
		debug.SetGCPercent(heapGrowth)
	}
}

// settle is how long the jobs that every process begins with take after the start.
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
	debug.FreeOSMemory() // a third of the memory was for the start alone
	limit := int64(0)
	idle := idleness{}
	every(ctx, lookEvery, func() {
		if idle.over(allocated()) {
			debug.FreeOSMemory() // otherwise the heap keeps the size that it had under load
		}
		// SetMemoryLimit stops all goroutines for a moment, so small changes are skipped.
		if wanted := limitFor(inUse()); wanted-limit > limit/10 || limit-wanted > limit/10 {
			limit = wanted
			debug.SetMemoryLimit(limit)
		}
	})
}

// idleness detects the end of a load.
type idleness struct {
	last, freed uint64 // bytes allocated up to the last look, and up to the last return of memory
	quiet       int    // quiet looks in a row
}

// over takes the bytes allocated since the start, and returns true once after each load.
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

// allocated returns the bytes allocated since the start.
func allocated() uint64 {
	samples := []goruntime.Sample{{Name: "/gc/heap/allocs:bytes"}}
	goruntime.Read(samples)
	return samples[0].Value.Uint64()
}

// limitFor allows one and a half times what is in use. With many requests in flight most of
// that is stacks, which do not grow, so the heap may still double.
func limitFor(inUse uint64) int64 { return max(smallestLimit, int64(inUse)*3/2) }

// inUse returns the live heap after the last collection, plus the stacks.
func inUse() uint64 {
	samples := []goruntime.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	goruntime.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}
