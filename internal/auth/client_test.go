package auth_test

import (
	"strings"
	"testing"

	"wxlogin/internal/auth"
)

// What is refused here is refused before anybody is sent anywhere: wildcards, fragments,
// codes in the clear, addresses that readers take for different ones.
func TestWhatAClientMayBe(t *testing.T) {
	t.Parallel()
	good := func() auth.Client {
		return auth.Client{Name: "Wiki", RedirectURIs: []string{"https://wiki.example.com/callback"}, Account: auth.MainAccount, Alg: auth.RS256}
	}
	redirect := func(uri string) func(*auth.Client) { return func(c *auth.Client) { c.RedirectURIs = []string{uri} } }
	native := func(uri string) func(*auth.Client) {
		return func(c *auth.Client) { c.RedirectURIs, c.Native = []string{uri}, true }
	}
	logout := func(uri string) func(*auth.Client) { return func(c *auth.Client) { c.LogoutURIs = []string{uri} } }
	back := func(uri string) func(*auth.Client) { return func(c *auth.Client) { c.Backchannel = uri } }
	for name, change := range map[string]func(*auth.Client){
		"as it is":               func(*auth.Client) {},
		"a query":                redirect("https://wiki.example.com/cb?a=1&b=%2F"),
		"a port":                 redirect("https://wiki.example.com:8443/cb"),
		"http on this machine":   redirect("http://127.0.0.1:3000/cb"),
		"http on localhost":      redirect("http://localhost:3000/cb"),
		"a native scheme":        native("com.example.app:/cb"),
		"logout":                 logout("https://wiki.example.com/bye"),
		"back-channel":           back("https://wiki.example.com/logout"),
		"back-channel at home":   back("http://127.0.0.1:3000/logout"),
		"back-channel in a LAN":  back("http://10.1.2.3/logout"),
		"back-channel by a name": back("http://wiki:3000/logout"),
		"ES256":                  func(c *auth.Client) { c.Alg = auth.ES256 },
		"a name of 64":           func(c *auth.Client) { c.Name = strings.Repeat("维", 64) },
		"groups":                 func(c *auth.Client) { c.Groups = []string{"staff", "ops-1"} },
	} {
		c := good()
		change(&c)
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*auth.Client){
		"no name":                        func(c *auth.Client) { c.Name = "" },
		"a name of 65":                   func(c *auth.Client) { c.Name = strings.Repeat("维", 65) },
		"a name that turns text round":   func(c *auth.Client) { c.Name = "Wiki\u202e" },
		"no redirect URI":                func(c *auth.Client) { c.RedirectURIs = nil },
		"a wildcard":                     redirect("https://*.example.com/cb"),
		"a wildcard in the path":         redirect("https://wiki.example.com/*"),
		"a fragment":                     redirect("https://wiki.example.com/cb#x"),
		"an empty fragment":              redirect("https://wiki.example.com/cb#"),
		"no such port":                   redirect("https://wiki.example.com:99999/cb"),
		"port 0":                         back("https://wiki.example.com:0/logout"),
		"a user":                         redirect("https://wiki@evil.example/cb"),
		"in the clear":                   redirect("http://wiki.example.com/cb"),
		"in the clear in a LAN":          redirect("http://10.1.2.3/cb"),
		"a host that begins like home's": redirect("http://127.0.0.1.evil.example/cb"),
		"dots":                           redirect("https://wiki.example.com/x/../cb"),
		"a backslash":                    redirect(`https://wiki.example.com\cb`),
		"a space":                        redirect("https://wiki.example.com/ cb"),
		"not ASCII":                      redirect("https://wiki.example.com/回"),
		"without a scheme":               redirect("//wiki.example.com/cb"),
		"a path alone":                   redirect("/cb"),
		"no host":                        redirect("https:///cb"),
		"javascript":                     native("javascript:alert(1)"),
		"a short scheme":                 native("myapp:/cb"),
		"a scheme, and not native":       redirect("com.example.app:/cb"),
		"too long":                       redirect("https://wiki.example.com/" + strings.Repeat("x", 1000)),
		"a logout with a wildcard":       logout("https://*.example.com/bye"),
		"a logout in the clear":          logout("http://wiki.example.com/bye"),
		"back-channel in the clear":      back("http://8.8.8.8/logout"),
		"back-channel with a fragment":   back("https://wiki.example.com/logout#x"),
		"back-channel by ftp":            back("ftp://wiki.example.com/logout"),
		"no algorithm":                   func(c *auth.Client) { c.Alg = "none" },
		"a shared secret's algorithm":    func(c *auth.Client) { c.Alg = "HS256" },
		"a group with a comma":           func(c *auth.Client) { c.Groups = []string{"a,b"} },
		"an empty group":                 func(c *auth.Client) { c.Groups = []string{""} },
	} {
		c := good()
		change(&c)
		if err := c.Check(); auth.ReasonOf(err) != auth.BadClient {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any port of this machine is one that there can be.
func TestNativePorts(t *testing.T) {
	t.Parallel()
	c := auth.Client{Native: true, RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:8000/cb"}}
	for address, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:1/cb": true, "http://127.0.0.1:65535/cb": true, "http://[::1]:9/cb": true, "http://[::1]/cb": true,
		"http://127.0.0.1:65536/cb": false, "http://127.0.0.1:99999/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:0/cb": false,
		"http://127.0.0.1:/cb": false, "http://127.0.0.1:80@evil.example/cb": false, "http://localhost:80/cb": false,
	} {
		if got := c.Redirects(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
