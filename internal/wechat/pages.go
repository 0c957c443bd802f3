package wechat

import (
	"html"
	"regexp"
	"strconv"
	"strings"
)

// PageError is an error that the authorize page shows instead of redirecting back. A service
// never learns of it, only the person who holds the phone does. The zero value means that no
// known error was found.
type PageError struct {
	Number int64  // WeChat's; 0 when the page shows none
	Text   string // WeChat's sentence, as far as known
}

// pageErrors are the numbers of the authorize page with the sentences of their pages
// (official list, field reports, both languages).
var pageErrors = map[int64][]string{
	1:     {},
	10003: {"redirect_uri 域名与后台配置不一致", "redirect_uri 参数错误", "redirect_uri domain name does not match"},
	10004: {"此公众号被封禁"},
	10005: {"此公众号并没有这些 scope 的权限", "Scope 参数错误或没有 Scope 权限"},
	10006: {"必须关注此测试号"},
	10009: {"操作太频繁了，请稍后重试", "操作太频繁"},
	10010: {"scope 不能为空", "scope 参数不能为空", `"scope" cannot be left blank`},
	10011: {"redirect_uri 不能为空", "redirect_uri 参数不能为空", `"redirect_uri" cannot be left blank`},
	10012: {"appid 不能为空", "appid 参数不能为空", `"appid" cannot be left blank`},
	10013: {"state 不能为空", "state 参数不能为空", `"state" cannot be left blank`},
	10015: {"公众号未授权第三方平台", "此公众号未授权该第三方平台"},
	10016: {"不支持微信开放平台的 AppID", "不支持开放平台的 AppID"},
}

// numberless are sentences of pages without a number (field reports).
var numberless = []string{"AppID 参数错误", "state 参数过长", "该链接无法访问"}

var (
	// Scripts may contain all of the sentences.
	unseen     = regexp.MustCompile(`(?is)<script\b.*?</script>|<style\b.*?</style>|<!--.*?-->`)
	tag        = regexp.MustCompile(`(?s)<[^>]*>`)
	pageNumber = regexp.MustCompile(`(?:错误码|错误代码|errorcode)[:：]?([0-9]{1,6})`)
)

// readPage looks for a known error in the visible text of a page. It returns none if it
// finds two different ones, as either would be a guess.
func readPage(body []byte) PageError {
	shown := squeeze(html.UnescapeString(tag.ReplaceAllString(unseen.ReplaceAllString(string(body), " "), " ")))
	found := make(map[int64]string)
	for number, sentences := range pageErrors {
		for _, sentence := range sentences {
			if strings.Contains(shown, squeeze(sentence)) {
				found[number] = sentence
				break
			}
		}
	}
	if m := pageNumber.FindStringSubmatch(shown); m != nil {
		// The page's own number is more reliable than a match of its text.
		number, _ := strconv.ParseInt(m[1], 10, 64) // at most six digits
		return PageError{Number: number, Text: found[number]}
	}
	if len(found) == 1 {
		for number, sentence := range found {
			return PageError{Number: number, Text: sentence}
		}
	}
	for _, sentence := range numberless {
		if len(found) == 0 && strings.Contains(shown, squeeze(sentence)) {
			return PageError{Text: sentence}
		}
	}
	return PageError{}
}

// squeeze removes blanks and capitals, so that texts can be compared.
func squeeze(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), ""))
}
