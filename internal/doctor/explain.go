package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"wxlogin/internal/terminal"
	"wxlogin/internal/wechat"
)

// Explain prints what error codes of WeChat mean. A code that is not in our list is an
// error.
func Explain(out io.Writer, words terminal.Words, numbers []string) error {
	var unknown []string
	for _, text := range numbers {
		known, ok := explanation(text)
		if !ok {
			unknown = append(unknown, text)
			io.WriteString(out, words.Translate(fmt.Sprintf("%s: not in our list. WeChat's own: https://developers.weixin.qq.com/doc/ (全局返回码)\n\n", text)))
			continue
		}
		where := fmt.Sprintf("%d, API errcode (服务器接口)", known.Number)
		if known.Page {
			where = fmt.Sprintf("%d, shown on the phone (授权页)", known.Number)
		}
		meaning := known.Chinese + "\n  " + known.English
		if !words.English() {
			meaning = words.Translate(known.Chinese)
		}
		fmt.Fprintf(out, "%s\n  %s\n  → %s\n\n", words.Translate(where), meaning, words.Translate(known.Advice))
	}
	if unknown != nil {
		return fmt.Errorf("doctor: no explanation for %s", strings.Join(unknown, ", "))
	}
	return nil
}

func explanation(text string) (wechat.Explanation, bool) {
	var number int64
	if _, err := fmt.Sscan(cmp.Or(text, "none"), &number); err != nil || fmt.Sprint(number) != text {
		return wechat.Explanation{}, false
	}
	return wechat.Explain(number)
}
