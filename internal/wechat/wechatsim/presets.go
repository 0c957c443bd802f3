package wechatsim

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Preset is a fault by name, for the control page and the JSON API.
type Preset struct {
	Name     string   `json:"name"`
	Endpoint Endpoint `json:"endpoint"`
	Chinese  string   `json:"zh"`
	English  string   `json:"en"`
	Fault    Fault    `json:"-"`
}

const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

// Presets are the usual ways to go wrong.
func Presets() []Preset {
	html := http.Header{"Content-Type": {"text/html"}}
	return []Preset{
		{"busy", Token, "系统繁忙 -1", "system error -1", Fault{Errcode: -1}},
		{"busy-spent", Token, "-1，code 已消耗", "-1 and the code is spent", Fault{Errcode: -1, ConsumeCode: true}},
		{"40029", Token, "code 无效 40029", "invalid code 40029", Fault{Errcode: 40029}},
		{"40163", Token, "code 已用过 40163", "code been used 40163", Fault{Errcode: 40163}},
		{"40125", Token, "AppSecret 错误 40125", "invalid appsecret 40125", Fault{Errcode: 40125}},
		{"40243", Token, "AppSecret 已冻结 40243", "appsecret frozen 40243", Fault{Errcode: 40243}},
		{"45011", Token, "频率超限 45011", "minute quota 45011", Fault{Errcode: 45011}},
		{"slow", Token, "慢 3 秒", "3 s late", Fault{Delay: 3 * time.Second}},
		{"hang", Token, "不回答", "hangs", Fault{Hang: true}},
		{"cut", Token, "断开连接，code 已消耗", "cut, code spent", Fault{CutBefore: true}},
		{"cut-body", Token, "断在正文中", "cut mid-body", Fault{CutMidBody: true}},
		{"html-502", Token, "网关 HTML 502", "gateway's HTML 502", Fault{Status: 502, Body: []byte(gatewayPage), Header: html}},
		{"48001", Userinfo, "未授权 48001", "api unauthorized 48001", Fault{Errcode: 48001}},
		{"42001", Userinfo, "令牌过期 42001", "token expired 42001", Fault{Errcode: 42001}},
		{"bad-json", Userinfo, "JSON 断尾", "broken JSON", Fault{Body: []byte(`{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","nickname":"`)}},
		{"gbk", Userinfo, "GBK 昵称", "nickname in GBK", Fault{Body: []byte("{\"openid\":\"o6_bmjrPTlm6_2sgVt7hMZOPfL2M\",\"nickname\":\"\xd0\xa1\xc3\xf7\",\"sex\":\"1\"}")}},
		{"endless", Userinfo, "没完没了的正文", "endless body", Fault{Endless: true}},
		{"gzip-bomb", Userinfo, "压缩炸弹 64 MiB", "gzip bomb of 64 MiB", GzipBomb(64 << 20)},
		{"picture-404", Picture, "头像 404", "picture gone 404", Fault{Status: 404, Body: []byte{}, Header: http.Header{"X-Errno": {"-6101"}}}},
		{"picture-stale", Picture, "头像失效（200，X-ErrNo）", "picture gone, 200 with X-ErrNo", Fault{Status: 200, Body: placeholder(), Header: http.Header{"X-Errno": {"-6101"}, "Content-Type": {"image/png"}}}},
		{"mini-busy", CodeToSession, "系统繁忙 -1", "system error -1", Fault{Errcode: -1}},
		{"mini-40029", CodeToSession, "js_code 无效 40029", "invalid js_code 40029", Fault{Errcode: 40029}},
		{"mini-40226", CodeToSession, "高风险用户 40226", "risky person 40226", Fault{Errcode: 40226}},
		{"mini-45011", CodeToSession, "频率超限 45011", "minute quota 45011", Fault{Errcode: 45011}},
		{"token-40164", CentralToken, "IP 不在白名单 40164", "address not on the list 40164", Fault{Errcode: 40164}},
		{"stable-busy", StableToken, "系统繁忙 -1", "system error -1", Fault{Errcode: -1}},
		{"stable-40164", StableToken, "IP 不在白名单 40164", "address not on the list 40164", Fault{Errcode: 40164}},
		{"stable-45009", StableToken, "当日限额 45009", "daily quota 45009", Fault{Errcode: 45009}},
		{"ticket-40001", Ticket, "令牌无效 40001", "token invalid 40001", Fault{Errcode: 40001}},
		{"ticket-42001", Ticket, "令牌过期 42001", "token expired 42001", Fault{Errcode: 42001}},
		{"ticket-45009", Ticket, "当日限额 45009", "daily quota 45009", Fault{Errcode: 45009}},
		{"follower-48001", Follower, "接口未授权 48001", "api unauthorized 48001", Fault{Errcode: 48001}},
		{"changeopenid-48001", ChangeOpenID, "接口未授权 48001", "api unauthorized 48001", Fault{Errcode: 48001}},
		{"snapshot", Authorize, "快照页", "snapshot page", Fault{Snapshot: true}},
		{"double-same", Authorize, "回调两次，同一 code", "callback twice, same code", Fault{Double: DoubleSame}},
		{"double-new", Authorize, "回调两次，code 不同", "callback twice, two codes", Fault{Double: DoubleNew}},
		{"stale", Authorize, "过期的 code", "stale code", Fault{StaleCode: true}},
		{"10009", Authorize, "操作太频繁 10009", "too frequent 10009", Fault{Errcode: 10009}},
	}
}

func presetNamed(name string) (Preset, bool) {
	list := Presets()
	i := slices.IndexFunc(list, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return list[i], true
}

func errNoPreset(name string) error { return fmt.Errorf("no preset %q", name) }

// GzipBomb is a small answer that unpacks to size blanks.
func GzipBomb(size int) Fault {
	// A gzip stream may have many members (RFC 1952), so only one is packed.
	const member = 256 << 10
	body := bytes.Repeat(packed(member), size/member)
	if rest := size % member; rest > 0 {
		body = append(body, packed(rest)...)
	}
	return Fault{Body: body, Header: http.Header{"Content-Encoding": {"gzip"}}}
}

func packed(blanks int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(bytes.Repeat([]byte(" "), blanks)) // writing to memory does not fail
	z.Close()
	return b.Bytes()
}

// checkFault validates a fault that came from outside.
func checkFault(e Endpoint, f Fault) error {
	switch {
	case !slices.Contains(Endpoints(), e):
		return fmt.Errorf("no endpoint %q", e)
	case f.Times < -1:
		return errors.New("times must be -1 (for ever), or a number of calls")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status must be between 200 and 599")
	case f.Delay < 0 || f.Drip < 0:
		return errors.New("a duration must not be negative")
	case f.Double != "" && f.Double != DoubleSame && f.Double != DoubleNew:
		return fmt.Errorf("double must be %s or %s", DoubleSame, DoubleNew)
	case e != Authorize && (f.Double != "" || f.StaleCode):
		return errors.New("double and stale_code are faults of authorize")
	case e != Authorize && e != Token && f.Snapshot:
		return errors.New("snapshot is a fault of authorize or token")
	case f.String() == "nothing":
		return errors.New("this fault does nothing")
	}
	return nil
}
