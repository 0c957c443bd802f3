package main_test

import (
	"runtime/debug"
	"slices"
	"testing"

	server "wxlogin/cmd/server"
)

// The limit is small, rises with what is in use, and always leaves room.
func TestMemoryLimit(t *testing.T) {
	const mb = 1 << 20
	for inUse, want := range map[uint64]int64{0: 80 * mb, 40 * mb: 80 * mb, 100 * mb: 150 * mb, 4096 * mb: 6144 * mb} {
		if got := server.LimitFor(inUse); got != want {
			t.Errorf("with %d MB in use: %d MB, want %d", inUse/mb, got/mb, want/mb)
		}
	}
	if n := server.InUse(); n < 100<<10 || n > 4096*mb {
		t.Errorf("%d bytes in use", n)
	}
}

// An operator's GOGC or GOMEMLIMIT is not overruled.
func TestCollectorIsTheOperators(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "77")
	server.TuneGC(t.Context())
	if now := debug.SetGCPercent(77); now != 77 {
		t.Errorf("GOGC=77 became %d", now)
	}
}

// Memory is given back once after each load, and never while one goes on.
func TestMemoryIsGivenBackAfterALoad(t *testing.T) {
	const mb = 1 << 20
	var given []int
	looks, allocated := 0, uint64(0)
	idle := server.Idleness{}
	pass := func(n int, each uint64) {
		for range n {
			looks++
			if allocated += each; idle.Over(allocated) {
				given = append(given, looks)
			}
		}
	}
	pass(100, mb/10)  // 10 MB: what a start leaves
	pass(100, 100*mb) // a load
	pass(9, mb/10)
	pass(1, 20*mb) // it is not over
	pass(100, mb/10)
	pass(100, mb/2) // so little is never quite nothing
	if want := []int{220, 325, 357, 389}; !slices.Equal(given, want) {
		t.Errorf("given back at %v, want %v", given, want)
	}
}
