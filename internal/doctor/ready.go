package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"wxlogin/internal/settings"
)

// Ready asks the service at its listen address whether it is ready.
func Ready(ctx context.Context, s *settings.Settings) error {
	public, err := s.ParsePublicURL()
	if err != nil {
		return err
	}
	door, err := localAddress(s.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	address := door + strings.TrimRight(public.Path, "/") + "/readyz"
	// Directly, whatever proxy the variables name.
	r, err := ask(ctx, address, nil)
	if err != nil {
		return fmt.Errorf("not ready: %s: %s", address, diagnose(err).text)
	}
	if r.status != http.StatusOK {
		return fmt.Errorf("not ready: %d %s %s", r.status, http.StatusText(r.status), strings.TrimSpace(string(r.body)))
	}
	return nil
}

// localAddress returns the service's listen address as a URL that works on this machine.
func localAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", settings.Errorf("addr", "%q is not host:port", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
