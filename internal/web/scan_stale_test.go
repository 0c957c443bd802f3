package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/wechat/wechatsim"
)

// An admin whose login is old, and whose phone opens a code while WeChat is down,
// is told so, and not sent to WeChat again and again: the old login is no answer to
// a question that wants a fresh one.
func TestScanByAStaleAdminWhileWeChatIsDown(t *testing.T) {
	t.Parallel()
	for name, recheck := range map[string]time.Duration{"sessions as they are": 0, "with sessions checked": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{recheck: recheck})
			phone := w.signedIn("lin")
			_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
			check(t, err)
			w.clock.pass(2 * time.Hour)
			s := w.browser(desktopWeb).scans("/")
			w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: -1, Status: http.StatusBadGateway})

			p := phone.opens(s.path).wantPage(http.StatusBadGateway, "/login?return_to=%2Fscan%2F"+s.ticket)
			if n := strings.Count(strings.Join(p.Hops, " "), "/callback?"); n != 1 {
				t.Errorf("%d trips to WeChat", n)
			}
			s.wantStatus("waiting")

			// Nor while it refuses every code that it gives.
			w.sim.ClearFaults()
			w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: -1, Errcode: 40163})
			p = phone.opens(s.path)
			if n := strings.Count(strings.Join(p.Hops, " "), "/callback?"); p.Status < 400 || n != 2 {
				t.Errorf("status %d after %d trips to WeChat", p.Status, n)
			}
			w.sim.ClearFaults()
			w.sim.Plan(wechatsim.Token, wechatsim.Fault{Times: -1, Status: http.StatusBadGateway})
			phone.opens("/").wantPage(http.StatusOK, "林小满") // their own page is theirs all the same

			w.sim.ClearFaults()
			phone.confirms(s)
			s.collects("lin")
		})
	}
}
