package web

import (
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// agentOf is the User-Agent of one of the simulator's phones.
func agentOf(name string) string {
	p, ok := wechatsim.PhoneNamed(name)
	if !ok {
		panic("no phone " + name)
	}
	return p.UserAgent
}

// Every phone has the name that its owner would give it. WeChat says that it runs on
// Windows on Linux too, and did on old Macs.
func TestNamesOfPhones(t *testing.T) {
	t.Parallel()
	w := words{"unknown": "?"}
	names := map[string]string{
		"android": "Android · WeChat", "android-xweb86": "Android · WeChat", "android-x5": "Android · WeChat", "mini-android": "Android · WeChat",
		"iphone": "iOS · WeChat", "iphone-old": "iOS · WeChat", "mini-iphone": "iOS · WeChat", "devtools": "iOS · WeChat",
		"harmony": "HarmonyOS · WeChat", "mac": "macOS · WeChat", "linux": "Linux · WeChat",
		"windows": "Windows · WeChat", "windows-3": "Windows · WeChat", "mini-windows": "Windows · WeChat",
		"wecom-iphone": "iOS · WeCom", "wecom-android": "Android · WeCom", "wecom-windows": "Windows · WeCom",
		"chrome-android": "Android · Chrome", "safari-iphone": "iOS · Safari", "desktop": "Linux · Chrome",
	}
	for _, p := range wechatsim.Phones() {
		if got, err := w.device(nameDevice(p.UserAgent)); err != nil || got != names[p.Name] {
			t.Errorf("%s: %q, %v, want %q", p.Name, got, err, names[p.Name])
		}
	}
	const oldMac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) MicroMessenger/6.8.0(0x16080000) MacWechat/3.3(0x13030012) NetType/WIFI WindowsWechat"
	if got, _ := w.device(nameDevice(oldMac)); got != "macOS · WeChat" {
		t.Errorf("an old Mac is %q", got)
	}
}

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	w := words{"unknown": "?"}
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                            "Windows · Chrome",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":              "Windows · Edge",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36 QQBrowser/16.1":             "Windows · QQ Browser",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                      "macOS · Safari",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:142.0) Gecko/20100101 Firefox/142.0":                                                       "macOS · Firefox",
		"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0":                                                                     "Linux · Firefox",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                             "ChromeOS · Chrome",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "iOS · Chrome",
		"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1":                      "HarmonyOS · Chrome",
		"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko":                                                                              "Windows",
		"curl/8.5.0": "?",
		"":           "?",
	} {
		if got, err := w.device(nameDevice(agent)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", agent, got, err, want)
		}
	}
	if got, err := w.device(deviceName{System: 200, Browser: 255}); err != nil || got != "?" {
		t.Errorf("codes of a newer version: %q, %v", got, err)
	}
}
