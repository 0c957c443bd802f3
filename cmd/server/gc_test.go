package main_test

import (
	"runtime/debug"
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

// Who sets GOGC or GOMEMLIMIT is not overruled.
func TestCollectorIsTheOperators(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "77")
	server.TuneGC(t.Context())
	if now := debug.SetGCPercent(77); now != 77 {
		t.Errorf("GOGC=77 became %d", now)
	}
}
