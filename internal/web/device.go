package web

import "strings"

// deviceName is the system and the browser that a User-Agent names. It is two indexes, so
// that a ticket stores it in two bytes: entries may only be added at the ends of the lists
// below.
type deviceName struct {
	System  byte // index into systems
	Browser byte // index into browsers
}

// product is a name and the parts of a User-Agent by which it is recognized, in lower case.
type product struct {
	name  string
	marks []string
}

// systems, the more specific ones first: iPhones say "like Mac OS X", Android and HarmonyOS
// say "Linux". An iPad that asks for desktop pages cannot be told from a Mac. WeChat calls
// itself WindowsWechat on Linux and on old Macs too.
var systems = []product{
	{},
	{"Windows", []string{"windows nt"}},
	{"iOS", []string{"iphone", "ipad", "ipod"}},
	{"HarmonyOS", []string{"harmonyos", "openharmony"}},
	{"Android", []string{"android"}},
	{"ChromeOS", []string{"cros "}},
	{"macOS", []string{"macintosh", "mac os x", "macwechat"}},
	{"Linux", []string{"linux", "x11"}},
}

// browsers, the more specific ones first: all say Safari, and most say Chrome too.
var browsers = []product{
	{},
	{"WeCom", []string{"wxwork"}},
	{"WeChat", []string{"micromessenger"}},
	{"Edge", []string{"edg/", "edga/", "edgios/", "edge/"}},
	{"Opera", []string{"opr/", "opera"}},
	{"QQ Browser", []string{"qqbrowser"}},
	{"UC Browser", []string{"ucbrowser", "ubrowser"}},
	{"Samsung Internet", []string{"samsungbrowser"}},
	{"Firefox", []string{"firefox/", "fxios/"}},
	{"Chrome", []string{"chrome/", "crios/", "chromium/"}},
	{"Safari", []string{"safari/"}},
}

// nameDevice reads a User-Agent. It can be made up, so the name is only shown to people and
// decides nothing. Unknown products have an empty name.
func nameDevice(userAgent string) deviceName {
	agent := strings.ToLower(userAgent)
	return deviceName{System: find(systems, agent), Browser: find(browsers, agent)}
}

func find(products []product, agent string) byte {
	for i, p := range products {
		for _, mark := range p.marks {
			if strings.Contains(agent, mark) {
				return byte(i)
			}
		}
	}
	return 0
}

func nameAt(products []product, i byte) string {
	if int(i) < len(products) {
		return products[i].name
	}
	return ""
}

// device returns a name as people are shown it: "Windows · Chrome". Some browsers have
// another name in the language.
func (w words) device(d deviceName) (string, error) {
	system, browser := nameAt(systems, d.System), nameAt(browsers, d.Browser)
	if own, ok := w["browser."+browser]; ok {
		browser = own
	}
	switch {
	case system == "" && browser == "":
		return w.text("unknown")
	case system == "" || browser == "":
		return system + browser, nil
	}
	return system + " · " + browser, nil
}
