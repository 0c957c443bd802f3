package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Settings are the settings as the operator gives them, each by a flag, a variable or, for
// a secret, a file. Parse checks and interprets them.
type Settings struct {
	Addr           string        `name:"addr" setting:"" default:"127.0.0.1:8007" help:"Listen here."`
	PublicURL      string        `name:"public-url" setting:"" help:"Address that visitors use. Its path is the prefix of every route, its host the callback domain registered with WeChat."`
	AllowHTTP      bool          `name:"allow-http" setting:"" help:"Accept a public URL of http that is not on this machine."`
	AppID          string        `name:"appid" setting:"" help:"AppID of the official account."`
	AppSecret      string        `name:"appsecret" setting:"" secret:"" help:"AppSecret of the official account."`
	Group          string        `name:"group" setting:"" help:"Name of the Open Platform account that the official account is bound to, any that you choose: accounts with the same know the same unionids."`
	Accounts       string        `name:"accounts" setting:"" help:"Further accounts, name:kind:appid@group, comma-separated; kind oa, website or mini, @group as WXLOGIN_GROUP. The AppSecret of shop is WXLOGIN_APPSECRET_SHOP, or in the file of WXLOGIN_APPSECRET_SHOP_FILE."`
	AccountHosts   string        `name:"account-hosts" setting:"" help:"By which account a login goes that returns to a host, host=account, comma-separated; any other goes by main."`
	QRConnect      string        `name:"qrconnect" setting:"" default:"redirect" help:"How a website account's QR code is shown: redirect leads to WeChat's page, frame shows it in a page of ours."`
	Scope          string        `name:"scope" setting:"" default:"auto" help:"auto: silent first, consent only from people not yet known. base: openid only. userinfo: consent from everyone."`
	Lang           string        `name:"lang" setting:"" default:"zh_CN" help:"Language asked of WeChat, and of pages for browsers that ask for none: zh_CN, zh_TW or en."`
	DatabaseURL    string        `name:"database-url" setting:"" secret:"" default:"sqlite:wxlogin.db" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE."`
	Keys           string        `name:"keys" setting:"" secret:"" help:"Keys for cookies and tokens, kid:base64-of-32-bytes, comma-separated; the first signs and encrypts. Default: made at the first start, kept beside the SQLite file."`
	ReturnHosts    string        `name:"return-hosts" setting:"" help:"Further exact host or host:port values that return_to may lead to, comma-separated."`
	CookieDomain   string        `name:"cookie-domain" setting:"" help:"Share the session with the hosts below this domain."`
	TrustedProxies string        `name:"trusted-proxies" setting:"" help:"CIDRs whose X-Forwarded-* headers are believed, comma-separated."`
	Admins         string        `name:"admins" setting:"" help:"Openids of people who may open the admin pages, comma-separated; account:openid for an account other than main."`
	SessionIdle    time.Duration `name:"session-idle" setting:"" default:"720h" help:"A session ends after this long without a visit."`
	SessionLife    time.Duration `name:"session-lifetime" setting:"" default:"4320h" help:"A session ends after this long in any case."`
	Recheck        time.Duration `name:"recheck-after" setting:"" default:"0" help:"A session older than this is silently checked against the person who holds the phone; 0 switches it off."`
	RenewProfile   bool          `name:"renew-profile" setting:"" help:"Ask people for consent once more when the token that keeps their profile fresh has died, which is after 30 days at most. Without it they renew nickname and picture on their profile page."`
	KeepLogins     time.Duration `name:"keep-logins" setting:"" default:"4416h" help:"The history of logins is kept this long; 0 keeps it for ever."`
	KeepEvents     time.Duration `name:"keep-events" setting:"" default:"26304h" help:"The audit log of what admins did is kept this long; 0 keeps it for ever."`
	RateLimit      int           `name:"rate-limit" setting:"" default:"600" help:"Login starts, callbacks, scans and applications' wrong guesses (secrets, codes, tokens), each per minute and client address; 0 switches it off."`
	VerifyFile     string        `name:"verify-file" setting:"" help:"Paths of the .txt files that WeChat asks for (MP_verify_*, a mini program's business domain), comma-separated."`
	OIDCEmail      string        `name:"oidc-email-domain" setting:"" default:"wechat.invalid" help:"Domain of the made-up addresses for OpenID Connect clients with --email."`
	BackendKeys    string        `name:"backend-keys" setting:"" secret:"" help:"Back ends of yours that may read the access tokens of the accounts, name:key, comma-separated, with keys of 32 characters or more. Empty: none."`
	Followers      bool          `name:"followers" setting:"" help:"Ask WeChat who follows the official accounts, in the background and at most once a day of a person. It needs this server's address on the IP list of the accounts."`
	MetricsAddr    string        `name:"metrics-addr" setting:"" help:"Second listener, for /metrics. Empty: none."`
	LogFormat      string        `name:"log-format" setting:"" help:"text or json. Default: text on a terminal, else json."`
	LogLevel       string        `name:"log-level" setting:"" default:"info" help:"debug, info, warn or error."`
	TimeZone       string        `name:"time-zone" setting:"" help:"Time zone of the admin pages, of their days and of the CSV, by its IANA name. Default: TZ, or Asia/Shanghai if that is not set."`
	SiteName       string        `name:"site-name" setting:"" help:"Name of the site, shown with its host where people agree, scan and read messages."`
	SiteLogo       string        `name:"site-logo" setting:"" help:"Path of the site's logo, shown on the consent page: PNG, JPEG, WebP or SVG, square, up to 256 kB."`
	PrivacyURL     string        `name:"privacy-url" setting:"" help:"Address of the site's privacy policy, linked where people agree, scan and read messages."`
	TermsURL       string        `name:"terms-url" setting:"" help:"Address of the site's terms of use, linked beside it."`
	Contact        string        `name:"contact" setting:"" help:"Whom visitors can ask: an e-mail address, a web address, or words such as a telephone number."`
	WeChatOpenURL  string        `name:"wechat-open-url" setting:"" default:"https://open.weixin.qq.com" help:"WeChat's authorize pages; other values are for tests."`
	WeChatAPIURL   string        `name:"wechat-api-url" setting:"" default:"https://api.weixin.qq.com" help:"WeChat's API; other values are for tests."`

	accountSecrets map[string]string // variables of the accounts' AppSecrets, which have no flags
}

// TakeSecrets takes the accounts' AppSecrets from the variables: they have no flags and no
// fields.
func (s *Settings) TakeSecrets(vars map[string]string) { s.accountSecrets = accountVariables(vars) }

// Config is what the settings mean, as Parse returns it.
type Config struct {
	Addr         string
	PublicURL    *url.URL
	AppID        string
	Accounts     []auth.Account         // main first
	Secrets      map[string]auth.Secret // their AppSecrets, by the account's name
	AccountHosts map[string]string
	QRFrame      bool
	Mode         auth.Mode
	Lang         string
	ReturnHosts  []string
	CookieDomain string
	Proxies      []netip.Prefix
	Admins       []string
	Idle         time.Duration
	Lifetime     time.Duration
	Recheck      time.Duration
	RenewProfile bool
	KeepLogins   time.Duration
	KeepEvents   time.Duration
	RateLimit    int
	RootFiles    map[string][]byte
	MetricsAddr  string
	EmailDomain  string
	BackendKeys  []auth.BackendKey
	Followers    bool
	Zone         *time.Location
	Branding     Branding
	OpenURL      string
	APIURL       string
}

// Issuer is the name under which applications know the service: the public URL without
// a slash at its end.
func (c Config) Issuer() string {
	if c.PublicURL == nil {
		return ""
	}
	return strings.TrimRight(c.PublicURL.String(), "/")
}

// leastKept is the shortest retention of a history.
const leastKept = 24 * time.Hour

// Errorf makes the error of a setting that cannot be used: which one, why, and what it
// should look like. It removes user and password from arguments that are addresses.
func Errorf(flag, format string, args ...any) error {
	for i, arg := range args {
		if value, ok := arg.(string); ok {
			args[i] = withoutUser(value)
		}
	}
	return fmt.Errorf("%s: %s", variableOf(flag), fmt.Sprintf(format, args...))
}

// withoutUser hides user and password of an address, all between the scheme and the last @,
// whether or not the address can be parsed.
func withoutUser(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 0 {
		return address
	}
	scheme, _, ok := strings.Cut(address[:at], "://")
	if !ok {
		return "…" + address[at:]
	}
	return scheme + "://…" + address[at:]
}

var (
	// WeChat has always made them like this: wx and 16 letters or digits; o and 27 letters
	// of base64url.
	appIDForm  = regexp.MustCompile(`^wx[0-9A-Za-z]{16}$`)
	openIDForm = regexp.MustCompile(`^o[0-9A-Za-z_-]{27}$`)
	domainForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
)

// Parse checks all settings of the service and returns what they mean. The error has a line
// for every invalid one, and shows no secret.
func (s *Settings) Parse() (Config, error) {
	c := Config{
		Addr:         s.Addr,
		AppID:        s.AppID,
		QRFrame:      s.QRConnect == "frame",
		Mode:         auth.Mode(s.Scope),
		Lang:         s.Lang,
		ReturnHosts:  List(s.ReturnHosts),
		Idle:         s.SessionIdle,
		Lifetime:     s.SessionLife,
		Recheck:      s.Recheck,
		RenewProfile: s.RenewProfile,
		KeepLogins:   s.KeepLogins,
		KeepEvents:   s.KeepEvents,
		RateLimit:    s.RateLimit,
		MetricsAddr:  s.MetricsAddr,
		Followers:    s.Followers,
		EmailDomain:  s.OIDCEmail,
		OpenURL:      s.WeChatOpenURL,
		APIURL:       s.WeChatAPIURL,
	}
	var errs []error
	check := func(ok bool, flag, format string, args ...any) {
		if !ok {
			errs = append(errs, Errorf(flag, format, args...))
		}
	}
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	check(hostPort(s.Addr), "addr", "%q is not host:port, for example 127.0.0.1:8007", s.Addr)
	check(s.MetricsAddr == "" || hostPort(s.MetricsAddr), "metrics-addr", "%q is not host:port, for example 127.0.0.1:9007", s.MetricsAddr)
	var err error
	c.PublicURL, err = s.ParsePublicURL()
	add(err)
	check(s.AppID != "", "appid", "is required: the AppID of the official account, wx and 16 characters")
	check(s.AppID == "" || appIDForm.MatchString(s.AppID), "appid",
		"%q is not an AppID; it looks like wx0123456789abcdef: wx and 16 letters or digits (gh_… is the account's original id)", s.AppID)
	check(s.AppSecret != "", "appsecret", "is required: the AppSecret of the official account, or WXLOGIN_APPSECRET_FILE with the path of a file that holds it")
	check(plainSecret(s.AppSecret), "appsecret", "holds a space or a character that no AppSecret has; it is 32 letters and digits")
	check(slices.Contains([]auth.Mode{auth.ModeAuto, auth.ModeBase, auth.ModeUserinfo}, c.Mode), "scope", "%q is not one of auto, base, userinfo", s.Scope)
	check(slices.Contains([]string{"redirect", "frame"}, s.QRConnect), "qrconnect", "%q is not one of redirect, frame", s.QRConnect)
	check(slices.Contains([]string{"zh_CN", "zh_TW", "en"}, s.Lang), "lang", "%q is not one of zh_CN, zh_TW, en", s.Lang)
	for _, host := range c.ReturnHosts {
		u, err := url.Parse("https://" + host)
		ok := err == nil && u.Host == host && plainHost(u)
		check(ok, "return-hosts", "%q is not an exact host or host:port, for example shop.example.com%s", host, hostHint(host))
	}
	c.Accounts, c.Secrets, err = s.parseAccounts()
	add(err)
	c.AccountHosts, err = s.parseAccountHosts(c.PublicURL, c.Accounts)
	add(err)
	c.Admins, err = s.parseAdmins(c.Accounts)
	add(err)
	for _, item := range List(s.TrustedProxies) {
		prefix, ok := parsePrefix(item)
		check(ok, "trusted-proxies", "%q is not a CIDR, for example 127.0.0.1/32 or 10.0.0.0/8", item)
		c.Proxies = append(c.Proxies, prefix)
	}
	c.CookieDomain, err = s.parseCookieDomain(c.PublicURL)
	add(err)
	check(s.SessionIdle >= time.Minute, "session-idle", "%v is shorter than a minute; the form is 720h", s.SessionIdle)
	check(s.SessionLife >= s.SessionIdle, "session-lifetime", "%v is shorter than WXLOGIN_SESSION_IDLE (%v)", s.SessionLife, s.SessionIdle)
	check(s.Recheck == 0 || s.Recheck >= time.Minute, "recheck-after", "%v is shorter than a minute; the form is 24h, and 0 switches it off", s.Recheck)
	// The row of a login keeps its code from being spent again.
	check(s.KeepLogins == 0 || s.KeepLogins >= leastKept, "keep-logins", "%v is shorter than a day; the form is 4416h, and 0 keeps them for ever", s.KeepLogins)
	check(s.KeepEvents == 0 || s.KeepEvents >= leastKept, "keep-events", "%v is shorter than a day; the form is 26304h, and 0 keeps them for ever", s.KeepEvents)
	c.Zone, err = loadZone(s.TimeZone)
	check(err == nil, "time-zone", "%v", err)
	check(domainForm.MatchString(s.OIDCEmail), "oidc-email-domain", "%q is not a domain in small letters, like wechat.invalid", s.OIDCEmail)
	c.Branding, err = s.parseBranding()
	add(err)
	check(s.RateLimit >= 0, "rate-limit", "%d is negative; 0 switches the limit off", s.RateLimit)
	for flag, value := range map[string]string{"wechat-open-url": s.WeChatOpenURL, "wechat-api-url": s.WeChatAPIURL} {
		u, err := url.Parse(value)
		check(err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http"), flag, "%q is not an address like https://api.weixin.qq.com", value)
	}
	c.BackendKeys, err = s.parseBackendKeys()
	add(err)
	add(s.CheckDatabaseURL())
	c.RootFiles, err = s.ReadVerifyFiles()
	add(err)
	return c, errors.Join(errs...)
}

// CheckDatabaseURL checks the database's address. Its error shows nothing of the address,
// which may hold a password.
func (s *Settings) CheckDatabaseURL() error {
	if err := store.CheckURL(s.DatabaseURL); err != nil {
		return Errorf("database-url", "%v", err)
	}
	return nil
}

// List splits a comma-separated text.
func List(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// parsePrefix parses an address or a network. IPv4 written as IPv6 (::ffff:10.0.0.0/104)
// becomes plain IPv4, as the addresses of peers are plain IPv4 too.
func parsePrefix(s string) (prefix netip.Prefix, ok bool) {
	if addr, err := netip.ParseAddr(s); err == nil {
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	} else if prefix, err = netip.ParsePrefix(s); err != nil {
		return netip.Prefix{}, false
	}
	if prefix.Addr().Is4In6() {
		const mapped = 96 // bits before the IPv4 address; a shorter prefix becomes invalid
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	return prefix, prefix.IsValid()
}

func hostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && port != ""
}
