package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// trouble is why a host does not answer, with advice for the case that it is WeChat's and
// for the case that it is ours.
type trouble struct {
	text   string
	wechat string
	public string
}

const (
	hairpin = "if phones do reach it and only this machine does not (no hairpin NAT), give this machine the proxy's local address in /etc/hosts"
	filing  = "hosts inside China cut connections to domains without an ICP record (备案)"
)

// diagnose finds the trouble behind the error of a request.
func diagnose(err error) trouble {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return trouble{"the name " + dns.Name + " does not resolve",
				"check this machine's DNS (/etc/resolv.conf, the container's network)", "add an A or AAAA record for it, or correct WXLOGIN_PUBLIC_URL"}
		}
		return trouble{"DNS does not answer for " + dns.Name,
			"check this machine's DNS (/etc/resolv.conf, the container's network)", "check this machine's DNS, then the domain's name servers"}
	}
	const root = "WeChat's certificate does not check out here: update ca-certificates (or mount them into the container), check the clock, and whether a proxy opens TLS"
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return trouble{"the certificate is for other names than " + host.Host, root, "get a certificate for exactly this host"}
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return trouble{"the certificate has expired or is not valid yet: " + invalid.Detail, root, "renew the certificate and have the proxy load it; check this machine's clock"}
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	if authority || verification {
		return trouble{"the certificate is not trusted here: signed by an unknown authority, or the chain is incomplete", root,
			"serve the full chain (fullchain.pem) of a public authority; WeChat's browser refuses others"}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return trouble{"the port speaks no TLS", "check WXLOGIN_WECHAT_API_URL and HTTPS_PROXY", "end TLS on the reverse proxy; the service itself speaks plain HTTP"}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return trouble{"the proxy of HTTPS_PROXY does not answer: " + op.Err.Error(), "correct HTTPS_PROXY or unset it", "correct HTTPS_PROXY, or name the host in NO_PROXY"}
	}
	if strings.Contains(err.Error(), "invalid proxy address") { // the error quotes the address, password included
		return trouble{"HTTPS_PROXY is not an address", "correct HTTPS_PROXY or unset it", "correct HTTPS_PROXY or unset it"}
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return trouble{"connection refused: nothing listens there", "check WXLOGIN_WECHAT_API_URL, HTTPS_PROXY and the firewall's rules for calls out",
			"is the reverse proxy running? Open the port in firewall and security group (安全组)\n" + hairpin}
	case errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH):
		return trouble{"there is no route to it", "give this machine a way to the internet (container network, gateway, HTTPS_PROXY)",
			"check the address that the name resolves to, and the network\n" + hairpin}
	case errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout():
		return trouble{"no answer in time", "a firewall may drop calls out: allow TCP 443 to WeChat, or set HTTPS_PROXY",
			"open the port in firewall and security group (安全组); check that the name resolves to this server\n" + hairpin}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		return trouble{"the connection was cut without an answer", "something between cuts connections (firewall, proxy); try again",
			"look at the reverse proxy's log; " + filing}
	}
	return trouble{err.Error(), "check the network, DNS, firewall and HTTPS_PROXY", "check DNS, firewall, reverse proxy and certificate; " + filing}
}

// reply is what a web server answered.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	tls      *tls.ConnectionState
	location *url.URL // of a redirect
}

const maxReply = 64 << 10

// get sends one GET to an address, through the proxy that the variables name.
func (d *doctor) get(ctx context.Context, address string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return ask(ctx, address, http.ProxyFromEnvironment)
}

// ask sends one GET to an address. It follows no redirect and reads at most maxReply bytes.
// With a nil proxy it connects directly.
func ask(ctx context.Context, address string, proxy func(*http.Request) (*url.URL, error)) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("User-Agent", "wxlogin")
	// The headers of a browser that opens a page: a protected site then redirects to the
	// login.
	req.Header.Set("Accept", "text/html, */*;q=0.8")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	client := http.Client{
		Transport:     &http.Transport{Proxy: proxy, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return reply{}, err
	}
	r := reply{status: res.StatusCode, header: res.Header, body: body, tls: res.TLS}
	if to, err := res.Location(); err == nil && res.StatusCode/100 == 3 {
		r.location = to
	}
	return r, nil
}

// ours reports whether an answer to /healthz comes from this service.
func (r reply) ours() bool {
	var health struct {
		Status string `json:"status"`
	}
	return r.status == http.StatusOK && r.header.Get("X-Request-Id") != "" && json.Unmarshal(r.body, &health) == nil && health.Status == "ok"
}

// who describes the program that answered.
func (r reply) who() string {
	if server := r.header.Get("Server"); server != "" {
		return fmt.Sprintf("HTTP status %d from %.40q", r.status, server)
	}
	return fmt.Sprintf("HTTP status %d", r.status)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// via appends to a host the proxy through which calls to the address go.
func via(host, address string) string {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return host
	}
	proxy, err := http.ProxyFromEnvironment(req)
	switch {
	case err != nil:
		return host + " (HTTPS_PROXY is not an address)" // it may hold a password
	case proxy != nil:
		return host + " through the proxy " + proxy.Host
	}
	return host
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
