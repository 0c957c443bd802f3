package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// listenTLS listens with certificates of WeChat's names, and returns what to do so that
// programs reach this listener by those names.
func (c *simulatorCommand) listenTLS() (net.Listener, string, error) {
	authority, err := wechatsim.NewAuthority(time.Now())
	if err != nil {
		return nil, "", fmt.Errorf("--tls: %w", err)
	}
	listener, err := net.Listen("tcp", c.TLSAddr)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, "", fmt.Errorf("--tls-addr: %s is not for this user: ports below 1024 need rights (sudo, or setcap cap_net_bind_service=+ep on the program)", c.TLSAddr)
	case err != nil:
		return nil, "", fmt.Errorf("--tls-addr: %s", whyNot(c.TLSAddr, err))
	}
	file, err := writeCA(c.TLSCA, authority.CA)
	if err != nil {
		listener.Close()
		return nil, "", err
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	how := fmt.Sprintf(`
It answers at %s under WeChat's names too. Line for the hosts file (/etc/hosts,
C:\Windows\System32\drivers\etc\hosts); as long as it stands there, WeChat itself cannot be reached:
  %s %s
Its CA, new at every start:
  Node.js                  NODE_EXTRA_CA_CERTS=%s
  Go, PHP, Ruby, OpenSSL   SSL_CERT_FILE=%s
  Python                   SSL_CERT_FILE and REQUESTS_CA_BUNDLE, the same
`, listener.Addr(), host, strings.Join(wechatsim.Hosts(), " "), file, file)
	if port != "443" {
		how += "Programs ask those names at port 443, which has to lead here.\n"
	}
	config := &tls.Config{Certificates: []tls.Certificate{authority.Certificate}}
	return tls.NewListener(listener, config), how, nil
}

// writeCA writes the CA to a file, and overwrites only a CA of an earlier simulator. It
// returns the absolute path, as programs that trust it start elsewhere.
func writeCA(file string, ca []byte) (string, error) {
	old, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("--tls-ca: %w", err)
	case !wechatsim.IsAuthority(old):
		return "", fmt.Errorf("--tls-ca: %s is there already, and no CA of a simulator; name another file", file)
	}
	if err := os.WriteFile(file, ca, 0o644); err != nil {
		return "", fmt.Errorf("--tls-ca: %w", err)
	}
	return filepath.Abs(file)
}
