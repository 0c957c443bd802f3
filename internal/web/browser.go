package web

import (
	"net/http"
	"strings"
)

// inWeChat says whether a page is open inside WeChat. WeCom (wxwork) names
// itself MicroMessenger too and is another product. A User-Agent is easily
// made up, so this chooses between pages and guards nothing.
func (s *Server) inWeChat(r *http.Request) bool {
	agent := header(r, "User-Agent")
	if names(agent, "MicroMessenger") && !names(agent, "wxwork") {
		return true
	}
	// In a demonstration every browser counts as WeChat's, but for a desktop that an
	// application sends: it is shown what desktops are shown.
	return s.config.Demo != nil && (onPhone(r) || s.below(r) != "/oidc/authorize")
}

// header is what a request says under a name, which is given in its canonical form.
// For what every visit asks: Get looks at each letter of the name.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// names says whether a User-Agent holds a name, which is given as products spell it
// and may stand there in any letters. Every visit asks; a copy of the whole in small
// letters took ten times as long.
func names(agent, name string) bool {
	if strings.Contains(agent, name) {
		return true
	}
	for _, first := range [...]byte{name[0] | 0x20, name[0] &^ 0x20} { // small and large
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

// onDesktop says whether WeChat runs on a PC. Its names there, from the field:
// WindowsWechat, MacWechat, UnifiedPCWindowsWechat, UnifiedPCLinuxWechat.
func onDesktop(r *http.Request) bool {
	agent := r.UserAgent()
	return names(agent, "WindowsWechat") || names(agent, "MacWechat") || names(agent, "UnifiedPC")
}

// onPhone says whether a browser runs on a phone, which cannot scan a code that
// it shows itself. A tablet that names itself a desktop is one.
func onPhone(r *http.Request) bool {
	if r.Header.Get("Sec-CH-UA-Mobile") == "?1" {
		return true
	}
	agent := r.UserAgent()
	return !onDesktop(r) && (names(agent, "Mobile") || names(agent, "Android") || names(agent, "iPhone"))
}
