package web

import (
	"net/http"
	"strings"
)

// inWeChat says whether a page is open inside WeChat. WeCom (wxwork) names
// itself MicroMessenger too and is another product. A User-Agent is easily
// made up, so this chooses between pages and guards nothing.
func (s *Server) inWeChat(r *http.Request) bool {
	if s.config.Demo != nil {
		return true
	}
	agent := strings.ToLower(r.UserAgent())
	return strings.Contains(agent, "micromessenger") && !strings.Contains(agent, "wxwork")
}

// onDesktop says whether WeChat runs on a PC. Its names there, from the field:
// WindowsWechat, MacWechat, UnifiedPCWindowsWechat, UnifiedPCLinuxWechat.
func onDesktop(r *http.Request) bool {
	agent := strings.ToLower(r.UserAgent())
	return strings.Contains(agent, "windowswechat") || strings.Contains(agent, "macwechat") || strings.Contains(agent, "unifiedpc")
}

// onPhone says whether a browser runs on a phone, which cannot scan a code that
// it shows itself. A tablet that names itself a desktop is one.
func onPhone(r *http.Request) bool {
	if r.Header.Get("Sec-CH-UA-Mobile") == "?1" {
		return true
	}
	agent := strings.ToLower(r.UserAgent())
	return !onDesktop(r) && (strings.Contains(agent, "mobile") || strings.Contains(agent, "android") || strings.Contains(agent, "iphone"))
}
