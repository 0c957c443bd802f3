package settings_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/settings"
)

var update = flag.Bool("update", false, "rewrite .env.example and the tables of docs/settings.md and its Chinese version")

// description is what a reader wants to know of a setting and the struct does
// not say.
type description struct {
	form     string // what the value looks like
	example  string // one that the service takes; empty: the default
	required bool
	chinese  string
}

// descriptions has one for each setting, by its name. There is no example of a
// key: somebody would use it.
var descriptions = map[string]description{
	"addr":              {"host:port", "", false, "监听地址。"},
	"public-url":        {"URL", "https://h5.example.com", true, "访客使用的地址；路径是所有路由的前缀，域名须是公众平台登记的「网页授权域名」。"},
	"allow-http":        {"true | false", "true", false, "允许公开地址用 http（仅限封闭网络；本机地址无需设置）。"},
	"appid":             {"wx…", "wx0123456789abcdef", true, "公众号的 AppID（不是 gh_ 开头的原始 ID）。"},
	"appsecret":         {"text", "0123456789abcdef0123456789abcdef", true, "公众号的 AppSecret。"},
	"group":             {"name", "acme", false, "公众号所绑定的微信开放平台账号，名称自定；名称相同的账号之间，unionid 通用。"},
	"accounts":          {"name:kind:appid[@group], …", "", false, "除 main 以外的账号；kind 为 oa（公众号）、website（网站应用）或 mini（小程序），@group 同 WXLOGIN_GROUP。shop 的 AppSecret 是 WXLOGIN_APPSECRET_SHOP，或在 WXLOGIN_APPSECRET_SHOP_FILE 所指的文件里。"},
	"account-hosts":     {"host=account, …", "", false, "返回到某个主机的登录用哪个账号；其余用 main。"},
	"qrconnect":         {"redirect | frame", "", false, "网站应用的二维码怎样显示：redirect 跳转到微信的页面，frame 嵌在我们自己的页面里。"},
	"scope":             {"auto | base | userinfo", "", false, "auto：先静默授权，只请还不认识的人点「允许」；base：只取 openid；userinfo：每次登录都请求授权。"},
	"lang":              {"zh_CN | zh_TW | en", "", false, "向微信请求资料的语言，也是浏览器没有说明语言时页面的语言。"},
	"database-url":      {"sqlite:PATH, postgres://…", "sqlite:/data/wxlogin.db", false, "数据库：SQLite 文件（须在本机磁盘上），或 PostgreSQL，见 docs/postgres.md。"},
	"keys":              {"kid:base64, …", "", false, "加密与签名的密钥，第一个用于加密和签名，其余仍可解密和验证；server keygen 生成。默认首次启动时生成，放在 SQLite 文件旁。"},
	"return-hosts":      {"host[:port], …", "shop.example.com,m.example.com:8443", false, "登录后还可以返回的其他主机，须完全一致。"},
	"cookie-domain":     {"domain", "example.com", false, "与该域名下的其他主机共享登录状态（用于 forward-auth）；留空则只属于本主机。"},
	"trusted-proxies":   {"CIDR, …", "127.0.0.1/32,172.16.0.0/12", false, "反向代理的地址段；只相信它们的 X-Forwarded-* 头。"},
	"admins":            {"openid, …", "oTheFirstAdmin_0123456789abc", false, "可以进入管理后台的 openid；main 以外的账号写作 account:openid。"},
	"session-idle":      {"duration", "", false, "多久不来访，登录状态就结束。"},
	"session-lifetime":  {"duration", "", false, "登录状态最长保持多久。"},
	"renew-profile":     {"true | false", "true", false, "更新昵称头像用的令牌失效后（最长 30 天），再请用户授权一次；不开则由用户在资料页自行更新。"},
	"recheck-after":     {"duration", "24h", false, "登录状态超过这么久后，静默核对一次手机的主人；0 为不核对。"},
	"keep-logins":       {"duration", "", false, "登录记录保留多久（默认 184 天，即六个月）；0 为一直保留。"},
	"keep-events":       {"duration", "", false, "操作记录保留多久（默认 1096 天，即三年）；0 为一直保留。"},
	"rate-limit":        {"number", "", false, "每个客户端地址每分钟的登录、回调、扫码次数上限，以及应用用错密钥、code、token 的次数上限；0 为不限。"},
	"verify-file":       {"path, …", "MP_verify_0123456789abcdef.txt", false, "微信要求放在域名根目录的 .txt 文件的路径（MP_verify_*，小程序业务域名的校验文件）。"},
	"followers":         {"true | false", "true", false, "向微信查询谁关注了公众号：在后台进行，每人每天最多一次；本机地址须在公众号的 IP 白名单里。"},
	"metrics-addr":      {"host:port", "127.0.0.1:9007", false, "/metrics 的第二个监听地址；留空则没有。"},
	"log-format":        {"text | json", "json", false, "日志格式；默认在终端为 text，否则为 json。"},
	"log-level":         {"debug | info | warn | error", "", false, "日志级别。"},
	"time-zone":         {"Area/City", "Asia/Shanghai", false, "管理页面、按日统计和 CSV 的时区（IANA 名称）；默认取 TZ，没有 TZ 则为 Asia/Shanghai。"},
	"site-name":         {"text", "示例商城", false, "网站名称，与域名一起显示在授权说明页、扫码页和提示页上。"},
	"site-logo":         {"path", "", false, "网站图标文件的路径，显示在授权说明页上：PNG、JPEG、WebP 或 SVG，正方形，不超过 256 kB。"},
	"privacy-url":       {"URL", "https://www.example.com/privacy", false, "隐私政策的地址，链接显示在授权说明页、扫码页和提示页上。"},
	"terms-url":         {"URL", "https://www.example.com/terms", false, "用户协议的地址，链接显示在隐私政策旁。"},
	"contact":           {"text", "service@example.com", false, "访客可以联系谁：邮箱、网址，或电话等文字。"},
	"backend-keys":      {"name:key, …", "shop:0123456789abcdef0123456789abcdef", false, "可以读取各账号 access_token 的其他后端，每个密钥至少 32 个字符；留空则没有。"},
	"oidc-email-domain": {"domain", "", false, "用 --email 添加的应用得到的虚拟邮箱地址的域名。"},
	"wechat-open-url":   {"URL", "", false, "微信授权页的地址；其他值仅用于测试。"},
	"wechat-api-url":    {"URL", "", false, "微信接口的地址；其他值仅用于测试。"},
}

// Every setting has its lines in .env.example and its row in docs/settings.md, made
// from the struct that the program reads.
func TestSettingsAreDocumented(t *testing.T) {
	for _, s := range settings.All() {
		if _, ok := descriptions[s.Name]; !ok {
			t.Fatalf("%s is a new setting: describe it in documented_test.go, then run make env-example", s.Variable)
		}
	}
	if got, want := len(descriptions), len(settings.All()); got != want {
		t.Fatalf("%d settings are described, and there are %d", got, want)
	}
	wantFile(t, "../../.env.example", func(string) string { return envExample() })
	wantFile(t, "../../docs/settings.md", func(text string) string { return betweenMarkers(t, text, settingsTable(false)) })
	wantFile(t, "../../docs/settings.zh-CN.md", func(text string) string { return betweenMarkers(t, text, settingsTable(true)) })
}

// wantFile compares a file with what it should be made into, or writes it.
func wantFile(t *testing.T, path string, make func(string) string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make(string(before))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		before = []byte(want)
	}
	if diff := cmp.Diff(strings.Split(string(before), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("%s is not up to date; make env-example makes it so:\n%s", filepath.Base(path), diff)
	}
}

func envExample() string {
	var b strings.Builder
	b.WriteString(`# wxlogin 的全部设置。复制为 .env，填写前三项即可启动。
# All settings of wxlogin. Copy to .env; the first three are required.
#
# 本文件由 make env-example 生成。 Made by make env-example: do not edit it.
`)
	write := func(required bool) {
		for _, s := range settings.All() {
			d := descriptions[s.Name]
			if d.required != required {
				continue
			}
			fmt.Fprintf(&b, "\n# %s\n# %s\n# %s", d.chinese, s.Help, d.form)
			switch {
			case d.required:
				b.WriteString(", required")
			case s.Default != "":
				b.WriteString(", default " + s.Default)
			default:
				b.WriteString(", default: empty")
			}
			if d.required {
				b.WriteString(", for example " + d.example)
			}
			if s.Secret {
				b.WriteString("; or " + s.Variable + "_FILE with the path of a file that holds it")
			}
			b.WriteString("\n")
			if d.required {
				fmt.Fprintf(&b, "%s=\n", s.Variable)
			} else {
				fmt.Fprintf(&b, "#%s=%s\n", s.Variable, exampleOf(s))
			}
		}
	}
	write(true)
	write(false)
	return b.String()
}

func exampleOf(s settings.Setting) string {
	if example := descriptions[s.Name].example; example != "" {
		return example
	}
	return s.Default
}

func settingsTable(chinese bool) string {
	var b strings.Builder
	if chinese {
		b.WriteString("| 变量 | 形式 | 默认值 | 说明 |\n|---|---|---|---|\n")
	} else {
		b.WriteString("| variable | form | default | meaning |\n|---|---|---|---|\n")
	}
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	for _, s := range settings.All() {
		d := descriptions[s.Name]
		name, otherwise, meaning := "`"+s.Variable+"`", "", s.Help
		if s.Secret {
			name += ", `…_FILE`"
		}
		switch {
		case d.required && chinese:
			otherwise = "**必填**"
		case d.required:
			otherwise = "**required**"
		case s.Default != "":
			otherwise = "`" + s.Default + "`"
		}
		if chinese {
			meaning = d.chinese
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, cell(d.form), otherwise, cell(meaning))
	}
	return b.String()
}

// betweenMarkers puts the table into a text, in the place that is marked for it.
func betweenMarkers(t *testing.T, text, table string) string {
	t.Helper()
	const opening, closing = "<!-- settings -->", "<!-- /settings -->"
	before, rest, ok := strings.Cut(text, opening)
	_, after, closed := strings.Cut(rest, closing)
	if !ok || !closed {
		t.Fatalf("there is no place for the settings: %s and %s are missing", opening, closing)
	}
	return before + opening + "\n\n" + table + "\n" + closing + after
}

// parsed are the settings as the program reads them: from these variables and this file.
func parsed(t *testing.T, variables []string, file string) (settings.Config, error) {
	t.Helper()
	vars, err := settings.ReadVariables(variables, file)
	if err != nil {
		t.Fatal(err)
	}
	var s settings.Settings
	parser, err := kong.New(&s, kong.Resolvers(settings.Resolver(vars)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		t.Fatal(err)
	}
	s.TakeSecrets(vars)
	return s.Parse()
}

// The service takes every example of .env.example, and asks for what is left
// empty there.
func TestEnvExampleIsTaken(t *testing.T) {
	var variables []string
	for _, s := range settings.All() {
		variables = append(variables, s.Variable+"="+exampleOf(s))
	}
	folder := t.TempDir()
	file, verify := filepath.Join(folder, ".env"), filepath.Join(folder, descriptions["verify-file"].example)
	if err := os.WriteFile(verify, []byte("0123456789abcdef"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := parsed(t, append(variables, "WXLOGIN_VERIFY_FILE="+verify), file); err != nil {
		t.Errorf("an example is not taken: %v", err)
	}

	if err := os.WriteFile(file, []byte(envExample()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := parsed(t, nil, file)
	if err == nil {
		t.Fatal(".env.example is taken as it is")
	}
	for _, s := range settings.All() {
		if named := strings.Contains("\n"+err.Error(), "\n"+s.Variable+": "); named != descriptions[s.Name].required {
			t.Errorf("with .env.example as it is, %s is named: %v\n%v", s.Variable, named, err)
		}
	}
}
