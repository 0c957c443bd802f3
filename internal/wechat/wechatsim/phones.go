package wechatsim

import (
	"cmp"
	"net/http"
	"slices"
)

// Phone is a browser as people have it: the headers that it sends, and those that it does
// not. Tests open pages with it, and developers copy it from the control page.
type Phone struct {
	Name      string // for flags and cookies
	Title     string // of people: app, version, system
	UserAgent string

	Accept         string // of a page
	AcceptLanguage string
	RequestedWith  string // X-Requested-With: Android's webviews name their app; "" sends none

	// ClientHints are the values of Sec-CH-UA, Sec-CH-UA-Mobile and
	// Sec-CH-UA-Platform; nil sends none.
	ClientHints []string

	// SecFetch: requests over https and to this machine have Sec-Fetch-Site, -Mode and
	// -Dest.
	SecFetch bool

	// UpgradeInsecure: requests of pages have Upgrade-Insecure-Requests: 1 over https too.
	// WebKit sends it over http only (CachedResourceLoader.cpp).
	UpgradeInsecure bool

	// Small: it has the screen of a phone.
	Small bool

	// DropsSameSiteNone: it rejects cookies with SameSite=None, as Chrome 51 to 66 does.
	DropsSameSiteNone bool
}

// The Accept headers of the engines for a page.
const (
	acceptWebKit = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	acceptChrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
	acceptXWEB   = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/wxpic,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
	acceptXWEB86 = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/wxpic,image/tpg,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.9"
	acceptX5     = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,image/wxpic,image/sharpp,image/apng,image/tpg,*/*;q=0.8"

	languageWebView = "zh-CN,zh;q=0.9,en-US;q=0.8,en;q=0.7"
	languageWebKit  = "zh-CN,zh-Hans;q=0.9"
	languageChrome  = "zh-CN,zh;q=0.9"
)

// Phones returns the browsers, newer ones first within a kind. All are from what others have
// published, with models, MMWEBID and AppIDs replaced; we captured none ourselves. Each
// names the app's version and its source; "headers of a script" means public code that
// replays what its author captured.
func Phones() []Phone {
	const (
		android = "Mozilla/5.0 (Linux; Android 15; Pixel 7 Build/AP4A.250205.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
		iOS     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		mini    = " miniProgram/wx0123456789abcdef"
	)
	webView := func(version string) []string {
		return []string{`"Chromium";v="` + version + `", "Android WebView";v="` + version + `", "Not?A_Brand";v="99"`, "?1", `"Android"`}
	}
	return []Phone{
		// Headers of scripts of 2025: User-Agent with XWEB/1300473, client hints and
		// Sec-Fetch with XWEB/1300259, Accept with XWEB/1420.
		{Name: "android", Title: "WeChat 8.0.57, Android 15, XWEB 130", Small: true,
			UserAgent: android + "Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300473 MMWEBSDK/20250201 MMWEBID/1234 MicroMessenger/8.0.57.2820(0x28003939) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
			Accept:    acceptXWEB, AcceptLanguage: languageWebView, RequestedWith: "com.tencent.mm", ClientHints: webView("130"), SecFetch: true, UpgradeInsecure: true},
		// Headers of a script of 2022, of a page of an official account's login.
		{Name: "android-xweb86", Title: "WeChat 8.0.28, Android 12, XWEB 86", Small: true,
			UserAgent: "Mozilla/5.0 (Linux; Android 12; Pixel 5 Build/SQ3A.220705.004; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/86.0.4240.99 XWEB/4317 MMWEBSDK/20220903 Mobile Safari/537.36 MMWEBID/1234 MicroMessenger/8.0.28.2240(0x28001C57) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
			Accept:    acceptXWEB86, AcceptLanguage: languageWebView, RequestedWith: "com.tencent.mm", SecFetch: true, UpgradeInsecure: true},
		// The request of a callback of 2019 as Node.js printed it, in a script; it had no
		// X-Requested-With. An older one had it: PePeyang/weixin_articles_spider, android_scrapy/config.py.
		{Name: "android-x5", Title: "WeChat 7.0, Android 9, X5 66", Small: true,
			UserAgent: "Mozilla/5.0 (Linux; Android 9; Pixel 3 Build/PQ3A.190801.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/66.0.3359.126 MQQBrowser/6.2 TBS/044904 Mobile Safari/537.36 MMWEBID/1234 MicroMessenger/7.0.1380(0x27000034) Process/tools NetType/WIFI Language/zh_CN",
			Accept:    acceptX5, AcceptLanguage: "zh-CN,zh-CN;q=0.9,en-US;q=0.8", UpgradeInsecure: true, DropsSameSiteNone: true},
		// Headers of scripts of 2025 and 2026: the User-Agent, and Sec-Fetch of webviews of iOS 18.
		{Name: "iphone", Title: "WeChat 8.0.69, iOS 18.5", Small: true,
			UserAgent: iOS + "Mobile/15E148 MicroMessenger/8.0.69(0x1800452f) NetType/4G Language/zh_CN",
			Accept:    acceptWebKit, AcceptLanguage: languageWebKit, SecFetch: true},
		// foroco/php-browser-detection#16, 2022. WebKit tells Sec-Fetch since iOS 16.4.
		{Name: "iphone-old", Title: "WeChat 8.0.22, iOS 15.5", Small: true,
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.22(0x18001626) NetType/WIFI Language/zh_CN",
			Accept:    acceptWebKit, AcceptLanguage: languageWebKit},
		// matomo-org/device-detector#8091, 2025; the headers are those of its engine, inferred.
		{Name: "harmony", Title: "WeChat 8.0.9, HarmonyOS 5.1, ArkWeb", Small: true,
			UserAgent: "Mozilla/5.0 (Phone; OpenHarmony 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36  ArkWeb/4.1.6.1 Mobile MicroMessenger/8.0.9.39(0xf3100927) Weixin NetType/WIFI Language/zh_CN MMWEBID/1234 MMWEBSDK/202507060011 XWEB/1140307",
			Accept:    acceptChrome, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// Headers of a script of 2025.
		{Name: "windows", Title: "WeChat 4.1, Windows",
			UserAgent: windows + "Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf254162e) XWEB/18163 Flue",
			Accept:    acceptXWEB, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// serbanghita/Mobile-Detect#958, 2024.
		{Name: "windows-3", Title: "WeChat 3.9, Windows",
			UserAgent: windows + "Chrome/116.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x6309092b) XWEB/9105 Flue",
			Accept:    acceptXWEB, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// Headers of a script of 2025, of an official account's page.
		{Name: "mac", Title: "WeChat 4.0, macOS",
			UserAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf2640619) XWEB/14304 Flue",
			Accept:    acceptXWEB, AcceptLanguage: "en-US,en;q=0.9", SecFetch: true, UpgradeInsecure: true},
		// Headers of scripts of 2026, of a mini program's page; it names Windows and Linux.
		{Name: "linux", Title: "WeChat 4.1, Linux",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) UnifiedPCLinuxWechat(0xf2741107) XWEB/14978",
			Accept:    acceptXWEB, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// Headers of a script of 2026.
		{Name: "mini-android", Title: "mini program's web-view, WeChat 8.0.63, Android 15", Small: true,
			UserAgent: android + "Chrome/146.0.7680.177 Mobile Safari/537.36 XWEB/1460075 MMWEBSDK/20250804 MMWEBID/1234 MicroMessenger/8.0.63.2920(0x28003FA6) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64" + mini,
			Accept:    acceptXWEB, AcceptLanguage: languageWebView, RequestedWith: "com.tencent.mm", ClientHints: webView("146"), SecFetch: true, UpgradeInsecure: true},
		// Headers of a script of 2026.
		{Name: "mini-iphone", Title: "mini program's web-view, WeChat 8.0.76, iOS 18.5", Small: true,
			UserAgent: iOS + "Mobile/15E148 MicroMessenger/8.0.76(0x18004c24) NetType/WIFI Language/zh_CN" + mini,
			Accept:    acceptWebKit, AcceptLanguage: languageWebKit, SecFetch: true},
		// Headers of a script of 2026.
		{Name: "mini-windows", Title: "mini program's web-view, WeChat 4.1, Windows",
			UserAgent: windows + "Chrome/132.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf254162e) XWEB/18163" + mini,
			Accept:    acceptXWEB, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// Rows of a log of 2026 and headers of a script; it says iPhone on every computer.
		{Name: "devtools", Title: "WeChat DevTools 2.01",
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Mobile/15E148 Safari/604.1 wechatdevtools/2.01.2510290 MicroMessenger/8.0.5 Language/zh_CN webview/",
			Accept:    acceptChrome, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// matomo-org/device-detector#8069, 2025. WeCom cannot open WeChat's authorize pages.
		{Name: "wecom-iphone", Title: "WeCom 4.1, iOS 18.5", Small: true,
			UserAgent: iOS + " Mobile/15E148 wxwork/4.1.39 MicroMessenger/7.0.1 Language/zh ColorScheme/Light wwmver/3.26.38.377",
			Accept:    acceptWebKit, AcceptLanguage: "zh-Hans", SecFetch: true},
		// Headers of a script of 2026; X-Requested-With from another's notes.
		{Name: "wecom-android", Title: "WeCom 5.0, Android 15", Small: true,
			UserAgent: android + "Chrome/138.0.7204.180 Mobile Safari/537.36 XWEB/1380275 MMWEBSDK/20250202 MMWEBID/1234 wxwork/5.0.6 MicroMessenger/7.0.1 NetType/WIFI Language/zh Lang/zh ColorScheme/Light wwmver/3.26.506.647",
			Accept:    acceptXWEB, AcceptLanguage: languageWebView, RequestedWith: "com.tencent.wework", ClientHints: webView("138"), SecFetch: true, UpgradeInsecure: true},
		// matomo-org/device-detector#8069, 2025.
		{Name: "wecom-windows", Title: "WeCom 4.1, Windows",
			UserAgent: "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.6668.101 Safari/537.36 Language/zh ColorScheme/Light wxwork/4.1.39 (MicroMessenger/6.2) WindowsWechat  MailPlugin_Electron WeMail embeddisk wwmver/3.26.39.639 noMediaCs/false",
			Accept:    acceptChrome, AcceptLanguage: languageChrome, SecFetch: true, UpgradeInsecure: true},
		// The forms that Chrome and Safari have frozen their User-Agent to.
		{Name: "chrome-android", Title: "Chrome 140, Android", Small: true,
			UserAgent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
			Accept:    acceptChrome, AcceptLanguage: languageChrome, ClientHints: []string{`"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`, "?1", `"Android"`}, SecFetch: true, UpgradeInsecure: true},
		{Name: "safari-iphone", Title: "Safari 18.5, iOS", Small: true,
			UserAgent: iOS + "Version/18.5 Mobile/15E148 Safari/604.1",
			Accept:    acceptWebKit, AcceptLanguage: languageWebKit, SecFetch: true},
		{Name: "desktop", Title: "Chrome 140, Linux",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
			Accept:    acceptChrome, AcceptLanguage: languageChrome, ClientHints: []string{`"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`, "?0", `"Linux"`}, SecFetch: true, UpgradeInsecure: true},
	}
}

// PhoneNamed returns the Phone with this name.
func PhoneNamed(name string) (Phone, bool) {
	phones := Phones()
	i := slices.IndexFunc(phones, func(p Phone) bool { return p.Name == name })
	if i < 0 {
		return Phone{}, false
	}
	return phones[i], true
}

// CookiePhone is the cookie with the Name of the Phone that a browser plays.
const CookiePhone = "wechatsim_phone"

// counts reports whether a browser counts as WeChat's: by the phone that it plays, or else
// by AnyBrowser or its own User-Agent.
func (s *Simulator) counts(r *http.Request) bool {
	if p, ok := PhoneNamed(cmp.Or(cookie(r, CookiePhone), s.cfg.Phone)); ok {
		return p.InWeChat()
	}
	return s.cfg.AnyBrowser || isWeChat(r.UserAgent())
}

// phonePage is the data of pages that show phones.
type phonePage struct {
	Plays  Phone // the phone that the browser plays; without a name: none
	Phones []Phone
}

func (s *Simulator) phonePage(r *http.Request) phonePage {
	plays, _ := PhoneNamed(cmp.Or(cookie(r, CookiePhone), s.cfg.Phone))
	return phonePage{Plays: plays, Phones: Phones()}
}

func (s *Simulator) getPhones(*http.Request) (any, error) {
	var list []any
	for _, p := range Phones() {
		headers := http.Header{}
		p.Opens(headers, "none")
		named := map[string]string{}
		for name := range headers {
			named[name] = headers.Get(name)
		}
		list = append(list, map[string]any{"name": p.Name, "title": p.Title, "in_wechat": p.InWeChat(), "headers": named})
	}
	return map[string]any{"phones": list}, nil
}

// InWeChat reports whether WeChat's pages take the browser for WeChat's.
func (p Phone) InWeChat() bool { return isWeChat(p.UserAgent) }

// Opens sets the headers that the browser sends with a page or a form, over https. site is
// Sec-Fetch-Site: "none", "same-origin", "same-site" or "cross-site". The caller sets Origin
// and Referer.
func (p Phone) Opens(h http.Header, site string) {
	p.setHeaders(h, site, "navigate", "document", p.Accept)
	if p.UpgradeInsecure {
		h.Set("Upgrade-Insecure-Requests", "1")
	}
}

// Fetches sets the headers that the browser sends when a page's script calls fetch.
func (p Phone) Fetches(h http.Header, site string) { p.setHeaders(h, site, "cors", "empty", "*/*") }

func (p Phone) setHeaders(h http.Header, site, mode, destination, accept string) {
	h.Set("User-Agent", p.UserAgent)
	h.Set("Accept", accept)
	h.Set("Accept-Language", p.AcceptLanguage)
	if p.RequestedWith != "" {
		h.Set("X-Requested-With", p.RequestedWith)
	}
	for i, value := range p.ClientHints {
		h.Set([]string{"Sec-CH-UA", "Sec-CH-UA-Mobile", "Sec-CH-UA-Platform"}[i], value)
	}
	if p.SecFetch {
		h.Set("Sec-Fetch-Site", site)
		h.Set("Sec-Fetch-Mode", mode)
		h.Set("Sec-Fetch-Dest", destination)
	}
}
