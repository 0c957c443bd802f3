package terminal_test

import (
	"strings"
	"testing"

	"wxlogin/internal/terminal"
)

// The language of the terminal goes by POSIX's rule, and by whether the terminal can
// show it.
func TestLanguageOfTerminal(t *testing.T) {
	for variables, want := range map[string]string{
		"":                                   "",
		"LANG=":                              "",
		"LANG=C":                             "",
		"LANG=POSIX":                         "",
		"LANG=C.UTF-8":                       "",
		"LANG=en_US.UTF-8":                   "",
		"LANG=ja_JP.UTF-8":                   "",
		"LANG=zh":                            "zh_CN",
		"LANG=zh_CN":                         "zh_CN",
		"LANG=zh_CN.UTF-8":                   "zh_CN",
		"LANG=zh_CN.utf8":                    "zh_CN",
		"LANG=zh_SG.UTF-8@pinyin":            "zh_CN",
		"LANG=zh_Hans_HK.UTF-8":              "zh_CN",
		"LANG=zh_CN.GB18030":                 "", // would be a mess
		"LANG=zh_TW.Big5":                    "",
		"LANG=zh_TW.UTF-8":                   "zh_TW",
		"LANG=zh_HK":                         "zh_TW",
		"LANG=zh_MO.UTF-8":                   "zh_TW",
		"LANG=zh_Hant":                       "zh_TW",
		"LANG=zh-Hant-CN":                    "zh_TW",
		"LANG=zulu":                          "",
		"LANG=zh_CN.UTF-8 LC_MESSAGES=C":     "",
		"LANG=en_US LC_MESSAGES=zh_TW.UTF-8": "zh_TW",
		"LC_ALL=zh_CN.UTF-8 LC_MESSAGES=zh_TW LANG=en":   "zh_CN",
		"LC_ALL= LC_MESSAGES= LANG=zh_CN":                "zh_CN",
		"LC_ALL=C LC_MESSAGES=zh_CN LANG=zh_CN":          "",
		"LC_CTYPE=zh_CN.UTF-8 LANGUAGE=zh_CN LANG=en_GB": "",
	} {
		if got := terminal.LanguageOf(strings.Fields(variables)); got != want {
			t.Errorf("%s: %q, not %q", variables, got, want)
		}
	}
}
