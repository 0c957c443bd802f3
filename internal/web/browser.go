package web

import (
	"net/http"
	"strings"
)

// inWeChat says whether a page is open inside WeChat. WeCom (wxwork), another product, calls
// itself MicroMessenger too. A User-Agent is easily made up, so this only chooses between
// pages and protects nothing.
func (s *Server) inWeChat(r *http.Request) bool {
	agent := header(r, "User-Agent")
	if names(agent, "MicroMessenger") && !names(agent, "wxwork") {
		return true
	}
	// In a demonstration every browser counts as WeChat's, except a desktop that an
	// application sends: it gets the page for desktops.
	return s.config.Demo != nil && (onPhone(r) || s.below(r) != "/oidc/authorize")
}

// header returns a request's header by its canonical name. It is for headers that every
// visit reads: Get canonicalizes the name each time.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// names says whether a User-Agent contains a name, in any case. The name is given in its
// usual spelling, which is tried first. Every visit calls this; making a lower-case copy
// took ten times as long.
func names(agent, name string) bool {
	if strings.Contains(agent, name) {
		return true
	}
	for _, first := range [...]byte{name[0] | 0x20, name[0] &^ 0x20} { // lower and upper case
		for rest := agent; ; rest = rest[1:] {
			i := strings.IndexByte(rest, first)
			if i < 0 || len(rest[i:]) < len(name) {
				break
			}
			rest = rest[i:]
			if strings.EqualFold(rest[:len(name)], name) {
				return true
			}
		}
	}
	return false
}

// onDesktop says whether WeChat runs on a PC. Its names there (field reports):
// WindowsWechat, MacWechat, UnifiedPCWindowsWechat, UnifiedPCLinuxWechat.
func onDesktop(r *http.Request) bool {
	agent := r.UserAgent()
	return names(agent, "WindowsWechat") || names(agent, "MacWechat") || names(agent, "UnifiedPC")
}

// onPhone says whether a browser runs on a phone, which cannot scan a QR code on its own
// screen. A tablet that calls itself a desktop counts as a desktop.
func onPhone(r *http.Request) bool {
	if r.Header.Get("Sec-CH-UA-Mobile") == "?1" {
		return true
	}
	agent := r.UserAgent()
	return !onDesktop(r) && (names(agent, "Mobile") || names(agent, "Android") || names(agent, "iPhone"))
}
