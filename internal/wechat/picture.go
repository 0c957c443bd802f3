package wechat

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"wxlogin/internal/auth"
)

const (
	// pictureTimeout is for one picture, from the connection to its last byte.
	pictureTimeout = 8 * time.Second
	// maxPicture limits the file. WeChat's largest are 640 pixels wide (official), well
	// under 200 KB.
	maxPicture = 2 << 20
)

// officialAPI is the only WXLOGIN_WECHAT_API_URL that serves no pictures.
const officialAPI = "https://api.weixin.qq.com"

// newPictureEndpoint makes an endpoint whose connections go to WeChat's image hosts at
// public addresses and, in tests, to the simulator.
func newPictureEndpoint() *endpoint {
	return newEndpoint("picture", pictureTimeout, func(t *http.Transport) {
		t.DialContext = dialPicture
		t.DisableCompression = true // picture files are compressed already
	})
}

// Picture gets the picture of a profile and makes a small JPEG of it, see shrink. The address
// comes from WeChat's answer, so it is opened only if its host is one of WeChat's image
// hosts. Errors name at most the host.
func (c *Client) Picture(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.picture.timeout)
	defer cancel()
	target, err := c.pictureAddress(address)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var file []byte
	var trouble string
	_, err = c.picture.guarded(func() (_ answer, err error) {
		file, trouble, err = c.picture.download(ctx, target)
		return nil, err
	})
	if err == nil && trouble != "" { // outside the guard: the image host has answered
		err = auth.Failf(auth.WeChatFailed, "picture: WeChat has none at this address any more (X-ErrNo %.16q)", trouble)
	}
	var small []byte
	if err == nil {
		small, err = shrink(ctx, file)
	}
	if c.config.Observe != nil {
		c.config.Observe(ctx, c.picture.name, auth.ReasonOf(err), 0, time.Since(began))
	}
	return small, err
}

// imageHost matches WeChat's image hosts: thirdwx.qlogo.cn, wx.qlogo.cn (field reports) and
// others of that domain.
var imageHost = regexp.MustCompile(`^([0-9a-z]([0-9a-z-]*[0-9a-z])?\.)+qlogo\.cn$`)

// pictureAddress returns the address to open. Older profiles have http addresses, whose
// hosts answer https too (field reports).
func (c *Client) pictureAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "", auth.Failf(auth.WeChatFailed, "picture: not an address that pictures have")
	}
	u.Fragment = ""
	if api, err := url.Parse(c.config.APIURL); err == nil && c.config.APIURL != officialAPI &&
		u.Scheme == api.Scheme && u.Host == api.Host {
		return u.String(), nil
	}
	host := strings.ToLower(u.Host) // with the port, if any
	if u.Scheme != "https" && u.Scheme != "http" || !imageHost.MatchString(host) {
		return "", auth.Failf(auth.WeChatFailed, "picture: not from WeChat's image hosts: scheme %.16q, host %.64q", u.Scheme, u.Host)
	}
	u.Scheme, u.Host = "https", host
	return u.String(), nil
}

// download reads the body of an answer with status 200. It does not follow redirects, as
// their targets are unchecked. A picture that no longer exists has status 200 as well, with
// a placeholder as its body and a number other than 0 in X-ErrNo (field reports), which is
// returned as trouble.
func (e *endpoint) download(ctx context.Context, address string) (file []byte, trouble string, err error) {
	// The answer may still have another type: the bytes decide.
	res, err := e.open(ctx, address, http.Header{"Accept": {"image/jpeg,image/png,image/gif"}})
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	if trouble := res.Header.Get("X-ErrNo"); res.StatusCode == http.StatusOK && trouble != "" && trouble != "0" {
		return nil, trouble, nil
	}
	file, err = e.read(ctx, res, maxPicture)
	return file, "", err
}

// dialPicture connects. By a forged or mistaken DNS answer one of WeChat's names may resolve
// to the operator's own network, so it must resolve to a public address. Any other name here
// is the operator's choice: a proxy, or the simulator.
func dialPicture(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if host, _, err := net.SplitHostPort(address); err != nil || imageHost.MatchString(host) {
		dialer.Control = publicOnly
	}
	return dialer.DialContext(ctx, network, address)
}

// publicOnly refuses a connection whose resolved address is not public.
func publicOnly(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !public(to.Addr().Unmap()) {
		return errors.New("the image host has no public address")
	}
	return nil
}

var (
	// publicV6 is all of IPv6 that has been allocated (IANA registry).
	publicV6 = netip.MustParsePrefix("2000::/3")
	// special are networks that netip's own methods do not know: those without public
	// hosts, and those of IPv6 that contain IPv4 addresses (IANA registries of
	// special-purpose addresses).
	special = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"), // inside of a carrier or a cloud
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("192.88.99.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("2001::/23"),
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"),
	}
)

func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !publicV6.Contains(a) {
		return false
	}
	for _, network := range special {
		if network.Contains(a) {
			return false
		}
	}
	return true
}
