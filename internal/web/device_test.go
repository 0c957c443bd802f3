package web

import "testing"

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	w := words{"unknown": "?"}
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                                  "Windows · Chrome",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":                                    "Windows · Edge",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36 QQBrowser/16.1":                                   "Windows · QQ Browser",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                                            "macOS · Safari",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:142.0) Gecko/20100101 Firefox/142.0":                                                                             "macOS · Firefox",
		"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0":                                                                                           "Linux · Firefox",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                                   "ChromeOS · Chrome",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1":                       "iOS · Chrome",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.59(0x18003b2e)":                  "iOS · WeChat",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/111.0 Mobile Safari/537.36 XWEB/1110017 MicroMessenger/8.0.42": "Android · WeChat",
		"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1":                                            "HarmonyOS · Chrome",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/132 Safari/537.36 wxwork/3.1.16 MicroMessenger/7.0.1":                                                            "Windows · WeCom",
		"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko":                                                                                                    "Windows",
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
