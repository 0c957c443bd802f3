package wechat_test

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

const openID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"

// Bodies of the token endpoint.
func TestReadGrant(t *testing.T) {
	good := auth.TokenAnswer{OpenID: openID, Scope: auth.ScopeBase, AccessToken: "a", RefreshToken: "r"}
	change := func(f func(*auth.TokenAnswer)) auth.TokenAnswer {
		g := good
		f(&g)
		return g
	}
	const head = `{"access_token":"a","expires_in":7200,"refresh_token":"r","openid":"` + openID + `"`
	for name, row := range map[string]struct {
		body   string
		want   auth.TokenAnswer
		reason auth.Reason
	}{
		"sample":               {body: head + `,"scope":"snsapi_base"}`, want: good},
		"byte order mark":      {body: "\uFEFF" + head + `}`, want: good},
		"errcode 0":            {body: head + `,"errcode":0,"errmsg":"ok"}`, want: good},
		"expires_in a string":  {body: strings.Replace(head, "7200", `"7200"`, 1) + `}`, want: good},
		"expires_in 1e20":      {body: strings.Replace(head, "7200", `1e20`, 1) + `}`, want: good},
		"scope with a comma":   {body: head + `,"scope":"snsapi_base,snsapi_userinfo,"}`, want: change(func(g *auth.TokenAnswer) { g.Scope = auth.ScopeUserinfo })},
		"scope null":           {body: head + `,"scope":null}`, want: good},
		"unionid":              {body: head + `,"unionid":"o7"}`, want: change(func(g *auth.TokenAnswer) { g.UnionID = "o7" })},
		"unionid empty":        {body: head + `,"unionid":""}`, want: good},
		"unionid null":         {body: head + `,"unionid":null}`, want: good},
		"unionid odd":          {body: head + `,"unionid":"o7\r\nX-Evil: 1"}`, want: good},
		"snapshot":             {body: head + `,"is_snapshotuser":1}`, want: change(func(g *auth.TokenAnswer) { g.Snapshot = true })},
		"snapshot a string":    {body: head + `,"is_snapshotuser":"1"}`, want: change(func(g *auth.TokenAnswer) { g.Snapshot = true })},
		"snapshot true":        {body: head + `,"is_snapshotuser":true}`, want: change(func(g *auth.TokenAnswer) { g.Snapshot = true })},
		"snapshot 0":           {body: head + `,"is_snapshotuser":0}`, want: good},
		"no refresh_token":     {body: `{"access_token":"a","openid":"` + openID + `"}`, want: change(func(g *auth.TokenAnswer) { g.RefreshToken = "" })},
		"errcode a string":     {body: `{"errcode":"40029","errmsg":"invalid code"}`, reason: auth.CodeSpent},
		"errcode with openid":  {body: head + `,"errcode":40163}`, reason: auth.CodeSpent},
		"errcode huge":         {body: `{"errcode":1e300}`, reason: auth.IdentityClash},
		"errcode null":         {body: `{"errcode":null}`, reason: auth.IdentityClash},
		"nobody":               {body: `{}`, reason: auth.IdentityClash},
		"openid empty":         {body: `{"openid":""}`, reason: auth.IdentityClash},
		"openid a number":      {body: `{"openid":123}`, reason: auth.IdentityClash},
		"openid with a slash":  {body: `{"openid":"../../x"}`, reason: auth.IdentityClash},
		"openid in full width": {body: `{"openid":"ｏ６"}`, reason: auth.IdentityClash},
		"OpenID":               {body: `{"OpenID":"` + openID + `"}`, reason: auth.IdentityClash},
		"empty":                {body: ``, reason: auth.WeChatFailed},
		"null":                 {body: `null`, reason: auth.WeChatFailed},
		"list":                 {body: `[]`, reason: auth.WeChatFailed},
		"two objects":          {body: head + `}` + head + `}`, reason: auth.WeChatFailed},
		"HTML behind":          {body: head + `}<html>`, reason: auth.WeChatFailed},
		"JSONP":                {body: `callback(` + head + `})`, reason: auth.WeChatFailed},
		"truncated":            {body: head, reason: auth.WeChatFailed},
		"deep":                 {body: strings.Repeat(`{"a":`, 100_000), reason: auth.WeChatFailed},
		"UTF-16":               {body: "\xff\xfe{\x00}\x00", reason: auth.WeChatFailed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wechat.ReadToken([]byte(row.body))
			wantReason(t, err, row.reason)
			if row.reason == "" && !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
}

// Texts of profiles in all the bytes that WeChat has sent.
func TestReadUserinfo(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		want auth.Profile
	}{
		"sample": {
			`{"openid":"` + openID + `","nickname":"小明","sex":1,"language":"zh_CN","city":"广州","province":"广东","country":"中国",` +
				`"headimgurl":"https:\/\/thirdwx.qlogo.cn\/mmopen\/vi_32\/x\/132","privilege":["chinaunicom"]}`,
			auth.Profile{
				Nickname: "小明", Sex: 1, Language: "zh_CN", City: "广州", Province: "广东", Country: "中国",
				AvatarURL: "https://thirdwx.qlogo.cn/mmopen/vi_32/x/132", Privilege: []string{"chinaunicom"},
			},
		},
		"nothing else":      {`{"openid":"` + openID + `"}`, auth.Profile{}},
		"raw controls":      {"{\"openid\":\"" + openID + "\",\"nickname\":\"a\x00b\x14c\nd\"}", auth.Profile{Nickname: "a b c d"}},
		"GBK":               {"{\"openid\":\"" + openID + "\",\"nickname\":\"\xcd\xf5\xd0\xa1\xb6\xfe\"}", auth.Profile{Nickname: "王小二"}},
		"UTF-8, one broken": {"{\"openid\":\"" + openID + "\",\"nickname\":\"王小\xb6二\"}", auth.Profile{Nickname: "王小\uFFFD二"}},
		"Latin, one broken": {"{\"openid\":\"" + openID + "\",\"nickname\":\"Jos\xe9\"}", auth.Profile{Nickname: "Jos\uFFFD"}},
		"types":             {`{"openid":"` + openID + `","nickname":7,"sex":"2","city":{},"privilege":["a",1,null,"b"]}`, auth.Profile{Nickname: "7", Sex: 2, Privilege: []string{"a", "b"}}},
		"sex of 2.9":        {`{"openid":"` + openID + `","sex":2.9}`, auth.Profile{Sex: 2}},
		"sex beyond":        {`{"openid":"` + openID + `","sex":1e300}`, auth.Profile{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wechat.ReadUserinfo([]byte(row.body))
			wantReason(t, err, "")
			if got.OpenID != openID || !reflect.DeepEqual(got.Profile, row.want) {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
	_, err := wechat.ReadUserinfo([]byte(`{"nickname":"小明"}`))
	wantReason(t, err, auth.WeChatFailed)
}

// Every errcode that the /sns endpoints have been seen or said to answer has a
// place, and words for the log.
func TestErrcodes(t *testing.T) {
	for reason, codes := range map[auth.Reason][]int64{
		auth.WeChatBusy:    {-1, 45009, 45011},
		auth.CodeSpent:     {40029, 40163, 41008, 42003},
		auth.NeedsLogin:    {40001, 40003, 40014, 40030, 41003, 42001, 42002, 42007, 50001},
		auth.PersonLimited: {40226, 50002},
		auth.WeChatRefused: {40002, 40013, 40097, 40125, 40164, 40243, 41002, 41004, 47001, 48001, 48004, 61004, 63178, 89503},
		auth.WeChatFailed:  {41001, 41009, 43001, 43002, 43003, 1, 99999}, // our own bug, or news
	} {
		for _, n := range codes {
			if got := wechat.ReasonOf(n); got != reason {
				t.Errorf("%d: %s, want %s", n, got, reason)
			}
			if known := wechat.Meaning(n) != wechat.Meaning(424242); known != (reason != auth.WeChatFailed) {
				t.Errorf("%d: %q", n, wechat.Meaning(n))
			}
		}
	}
	_, err := wechat.ReadToken([]byte(`{"errcode":40029,"errmsg":"invalid code ` + someCode + `, rid: 617833f5-4d39a245-36d3a896"}`))
	wantReason(t, err, auth.CodeSpent)
	if !strings.Contains(err.Error(), "40029") || !strings.Contains(err.Error(), "617833f5-4d39a245-36d3a896") {
		t.Errorf("the error names neither errcode nor rid: %v", err)
	}
}

// 40001 at the exchange is the operator's, as the exchange has no access token that
// could be wrong. Of a profile it is the token's.
func TestAWrongSecretBy40001(t *testing.T) {
	_, err := wechat.ReadToken([]byte(`{"errcode":40001,"errmsg":"invalid credential"}`))
	wantReason(t, err, auth.WeChatRefused)
	if !strings.Contains(err.Error(), "WXLOGIN_APPSECRET") {
		t.Errorf("the operator is not told where to look: %v", err)
	}
	_, err = wechat.ReadUserinfo([]byte(`{"errcode":40001,"errmsg":"invalid credential"}`))
	wantReason(t, err, auth.NeedsLogin)
}

func FuzzToken(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a","openid":"o1","scope":"snsapi_base"}`, `{"errcode":40029}`, "\uFEFF{}", "{\"openid\":\"\xd0\xa1\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		token, err := wechat.ReadToken(body)
		if (err == nil) != (token.OpenID != "") {
			t.Fatalf("openid %q with %v", token.OpenID, err)
		}
		if err != nil && auth.ReasonOf(err) == auth.Unexpected {
			t.Fatalf("an error without a reason: %v", err)
		}
		for _, id := range []string{token.OpenID, token.UnionID} {
			if strings.Trim(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") != "" || len(id) > 128 {
				t.Fatalf("identifier %q", id)
			}
		}
		wantText(t, string(token.AccessToken), string(token.RefreshToken), string(token.Scope))
	})
}

func FuzzUserinfo(f *testing.F) {
	for _, seed := range []string{
		`{"openid":"o1","nickname":"小明","sex":"1","privilege":["a"]}`, "{\"openid\":\"o1\",\"nickname\":\"\xd0\xa1\xc3\xf7\x14\"}",
		`{"openid":"o1","nickname":"\ud83d\u0000"}`, `{"errcode":48001}`, "\uFEFF{\"openid\":null}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		info, err := wechat.ReadUserinfo(body)
		if err != nil {
			if auth.ReasonOf(err) == auth.Unexpected || info.OpenID != "" {
				t.Fatalf("%v with %+v", err, info)
			}
			return
		}
		p := info.Profile
		wantText(t, p.Nickname, p.Language, p.Country, p.Province, p.City, p.AvatarURL)
		wantText(t, p.Privilege...)
		clean := p.Clean()
		wantText(t, clean.Nickname, clean.AvatarURL)
		if strings.ContainsFunc(clean.Nickname, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
			t.Fatalf("control characters in %q", clean.Nickname)
		}
		if again := clean.Clean(); !reflect.DeepEqual(again, clean) {
			t.Fatalf("cleaned again: %+v, was %+v", again, clean)
		}
	})
}

func wantText(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !utf8.ValidString(text) {
			t.Fatalf("not UTF-8: %q", text)
		}
	}
}
