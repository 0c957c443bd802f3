package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Client is an application that signs people in by OpenID Connect.
type Client struct {
	ID         string // its client_id
	Number     int64  // a short name, for QR codes
	Name       string // shown to people; unique
	SecretHash string // of its client_secret; empty: a public client, which has none
	// RedirectURIs are where codes may be sent, compared byte by byte.
	RedirectURIs []string
	// LogoutURIs are where a browser may be sent after a logout that the client began.
	LogoutURIs  []string
	Backchannel string   // address that receives logout tokens; empty: none are sent
	Account     string   // by which people sign in to it
	Alg         Alg      // of its ID tokens
	Native      bool     // loopback redirect URIs match with any port
	Email       bool     // may ask for a made-up address
	WeChat      bool     // receives openid and unionid
	Trusted     bool     // people are not asked for consent
	Groups      []string // whose members may sign in; none: everybody may
	Issuer      string   // our issuer when the client was added
	CreatedAt   time.Time
}

// Alg is how ID tokens are signed.
type Alg string

// The algorithms (RFC 7518).
const (
	RS256 Alg = "RS256"
	ES256 Alg = "ES256"
)

// NewClientID makes a client_id: 26 letters and digits, 130 random bits. It needs no
// escaping in a query, a log or a form, and cannot be guessed.
func NewClientID() string { return strings.ToLower(rand.Text()) }

// NewClientSecret makes a client_secret. It does not begin with a hyphen, which would make
// it a flag on the command line of an application.
func NewClientSecret() Secret {
	for {
		if secret := NewToken(); secret[0] != '-' {
			return secret
		}
	}
}

// Public says whether the client runs where nothing can be kept secret.
func (c *Client) Public() bool { return c.SecretHash == "" }

// HasSecret says whether a text is the client's secret.
func (c *Client) HasSecret(secret Secret) bool {
	return !c.Public() && subtle.ConstantTimeCompare([]byte(Hash(secret)), []byte(c.SecretHash)) == 1
}

// Redirects says whether codes may be sent to an address: it has to equal a registered
// one; for a native client, a loopback address may have any port (RFC 8252, 7.3).
func (c *Client) Redirects(address string) bool {
	if slices.Contains(c.RedirectURIs, address) {
		return true
	}
	return c.Native && slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		host, path, ok := loopbackURI(uri)
		if !ok {
			return false
		}
		rest, ok := strings.CutPrefix(address, host)
		port := anyPort.FindString(rest)
		return ok && port+path == rest && (port == "" || isPort(port[1:]))
	})
}

var anyPort = regexp.MustCompile(`^:[1-9][0-9]*`)

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port != 0
}

// loopbackURI splits a loopback address around its port.
func loopbackURI(uri string) (host, path string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || !IsLoopback(u.Hostname()) {
		return "", "", false
	}
	host = "http://" + strings.TrimSuffix(u.Host, ":"+u.Port())
	path = strings.TrimPrefix(uri, "http://"+u.Host)
	return host, path, strings.HasPrefix(uri, "http://"+u.Host)
}

// Admits says whether a person may sign in to the application.
func (c *Client) Admits(u *User) bool { return len(c.Groups) == 0 || u.InAny(c.Groups) }

// Host is the application's host, as people are shown it; empty for an application on
// their own machine.
func (c *Client) Host() string {
	for _, uri := range c.RedirectURIs {
		if u, err := url.Parse(uri); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			return u.Host
		}
	}
	return ""
}

// Origins are the origins from which the client's scripts may call: those of its redirect
// URIs.
func (c *Client) Origins() (origins []string) {
	for _, uri := range c.RedirectURIs {
		if u, err := url.Parse(uri); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			// Browsers leave out a scheme's default port.
			host := strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
			origins = append(origins, u.Scheme+"://"+host)
		}
	}
	return origins
}

// The longest texts of a client.
const (
	maxClientName = 64
	maxURI        = 1000
)

// Check returns what is wrong with a client, for the operator who adds it.
func (c *Client) Check() error {
	switch {
	case c.Name == "" || c.Name != CleanText(c.Name, maxClientName):
		return Failf(BadClient, "the name %q is empty, longer than %d characters, or holds characters that cannot be shown", c.Name, maxClientName)
	case len(c.RedirectURIs) == 0:
		return Failf(BadClient, "a client needs at least one --redirect-uri")
	case c.Alg != RS256 && c.Alg != ES256:
		return Failf(BadClient, "--alg %s is neither RS256 nor ES256", c.Alg)
	}
	for _, uri := range c.RedirectURIs {
		if err := c.checkRedirect("--redirect-uri", uri); err != nil {
			return err
		}
	}
	for _, uri := range c.LogoutURIs {
		if err := c.checkRedirect("--logout-uri", uri); err != nil {
			return err
		}
	}
	for _, group := range c.Groups {
		if err := CheckGroup(group); err != nil {
			return err
		}
	}
	return checkBackchannel(c.Backchannel)
}

// plainURI matches addresses that every browser and every parser reads alike.
var plainURI = regexp.MustCompile(`^[0-9A-Za-z._~:/?\[\]@!$&'(),;=%+-]+$`)

// schemeOfApp matches the private schemes of phone applications: a domain in reverse
// order (RFC 8252, 7.1).
var schemeOfApp = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$`)

// checkURI checks what holds for every address of a client.
func checkURI(flag, uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	switch {
	case strings.Contains(uri, "*"):
		return nil, Failf(BadClient, "%s %q: there are no wildcards; name every address", flag, uri)
	case err != nil || !plainURI.MatchString(uri) || len(uri) > maxURI || strings.Contains(uri, "#"):
		return nil, Failf(BadClient, "%s %q is not a plain address without a fragment, of %d bytes at most", flag, uri, maxURI)
	case u.User != nil:
		return nil, Failf(BadClient, "%s %q names a user", flag, uri)
	}
	if u.Port() != "" && !isPort(u.Port()) {
		return nil, Failf(BadClient, "%s %q: ports are 1 to 65535", flag, uri)
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, Failf(BadClient, "%s %q: browsers fold . and .. away, so no address that they send could match", flag, uri)
		}
	}
	return u, nil
}

func (c *Client) checkRedirect(flag, uri string) error {
	u, err := checkURI(flag, uri)
	switch {
	case err != nil:
		return err
	case u.Scheme == "https" && u.Host != "":
	case u.Scheme == "http" && IsLoopback(u.Hostname()):
	case u.Scheme == "http":
		return Failf(BadClient, "%s %q: http is for this machine only, codes do not travel in the clear; use https", flag, uri)
	case c.Native && schemeOfApp.MatchString(u.Scheme):
	case c.Native:
		return Failf(BadClient, "%s %q is neither https, nor http on 127.0.0.1, nor of a scheme like com.example.app", flag, uri)
	default:
		return Failf(BadClient, "%s %q is not an https address", flag, uri)
	}
	return nil
}

// checkBackchannel allows https, and http that stays on this machine or in a private
// network. Where a host name resolves to is checked with each call.
func checkBackchannel(uri string) error {
	if uri == "" {
		return nil
	}
	u, err := checkURI("--backchannel", uri)
	if err != nil {
		return err
	}
	addr, addrErr := netip.ParseAddr(u.Hostname())
	switch {
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return Failf(BadClient, "--backchannel %q is not an https address", uri)
	case u.Scheme == "http" && addrErr == nil && !addr.IsLoopback() && !addr.IsPrivate():
		return Failf(BadClient, "--backchannel %q: http is for this machine and private networks only; use https", uri)
	}
	return nil
}

// IsLoopback says whether a host name, in lower case, can only mean this machine.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

var groupForm = regexp.MustCompile(`^[0-9a-z][0-9a-z_.-]{0,31}$`)

// CheckGroup returns what is wrong with the name of a group.
func CheckGroup(name string) error {
	if !groupForm.MatchString(name) {
		return Failf(BadClient, "the group %q is not of 1 to 32 small letters, digits, - _ or .", name)
	}
	return nil
}
