package web

import "strings"

// deviceName is what a browser says that it is, in the two words that people
// know. Names are codes, so that a ticket holds them in two bytes: the lists
// below may only grow at their ends.
type deviceName struct {
	System  byte // index into systems
	Browser byte // index into browsers
}

// product is a name and the marks in a User-Agent that give it away, in lower
// case.
type product struct {
	name  string
	marks []string
}

// systems, more particular ones first: iPhones say "like Mac OS X", Android
// and HarmonyOS say "Linux". An iPad that asks for desktop pages says it is a Mac,
// and nothing tells otherwise. WeChat calls itself WindowsWechat on Linux and on old
// Macs too.
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

// browsers, more particular ones first: all say Safari, most say Chrome too.
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

// nameDevice reads a User-Agent. It can be made up, so a name is for people to
// recognise and decides nothing; what it does not know has no name.
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

// device writes a name down for people: "Windows · Chrome". Browsers that have a name
// in the language have that.
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
