//go:build unix

package web_test

import (
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// The disk takes no more: people who are signed in are served, a login and a logout say
// that they could not be, readiness tells, and all is well again by itself. The
// limit is a whole process's, so the test has one to itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getenv("WEB_TEST_DISK") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFull$")
		cmd.Env = append(os.Environ(), "WEB_TEST_DISK=full")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var room syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room))
	limit := func(to syscall.Rlimit) { check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &to)) }

	w := newWorld(t, options{})
	regular := w.phone("wang")
	regular.signsIn()
	exchanges := w.sim.Exchanges()
	phone := w.phone("lin")
	callback := phone.stops("/login?consent=1&return_to=%2Fshop", "/callback?")

	limit(syscall.Rlimit{Cur: 4096, Max: room.Max})
	phone.get(callback).wantDown()
	w.wantExchanges(exchanges) // the code is still good
	regular.wantServed("wang")
	regular.get("/readyz").wantPage(http.StatusServiceUnavailable, "store_down")
	regular.post("/logout", nil).wantDown()
	regular.wantServed("wang")

	limit(room)
	phone.get(callback).wantRedirect("/shop")
	phone.wantMe("lin")
	regular.get("/readyz").wantPage(http.StatusOK, "ready")
	regular.post("/logout", nil).wantRedirect("/")
	regular.wantNobody()
}
