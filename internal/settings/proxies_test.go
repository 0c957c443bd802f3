package settings_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Proxies are known by the addresses that peers have: an IPv4 address that is written as
// IPv6 is one, with the mask as wide.
func TestTrustedProxies(t *testing.T) {
	for set, want := range map[string]string{
		"10.0.0.0/8, 192.0.2.1": "[10.0.0.0/8 192.0.2.1/32]",
		"2001:db8::/32,::1":     "[2001:db8::/32 ::1/128]",
		"::ffff:10.0.0.0/104":   "[10.0.0.0/8]",
		"::ffff:192.0.2.1":      "[192.0.2.1/32]",
		"::ffff:0:0/96":         "[0.0.0.0/0]",
		"10.0.0.0/33":           "refused",
		"::ffff:10.0.0.0/95":    "refused",
		"loopback":              "refused",
	} {
		config, err := parsed(t, []string{"WXLOGIN_TRUSTED_PROXIES=" + set}, filepath.Join(t.TempDir(), ".env"))
		got := fmt.Sprint(config.Proxies)
		if strings.Contains(fmt.Sprint(err), "WXLOGIN_TRUSTED_PROXIES") {
			got = "refused"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", set, got, want)
		}
	}
}
