package wechat

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"wxlogin/internal/auth"
)

// answer is the JSON object that WeChat sends for everything, errors too. Its
// fields are taken kindly: WeChat has sent numbers as strings, nulls and missing
// fields (field reports), and one odd field must not cost the rest. So every value
// is what it is in JSON, a number as json.Number.
type answer map[string]any

// parseAnswer reads a body by its content, whatever its Content-Type says
// (officially JSON, sent as text/plain). An answer with an errcode is an error.
func parseAnswer(endpoint string, body []byte) (answer, error) {
	var a answer
	decoder := json.NewDecoder(bytes.NewReader(repairJSON(body)))
	decoder.UseNumber()
	err := decoder.Decode(&a)
	if _, more := decoder.Token(); err != nil || a == nil || more != io.EOF {
		// The decoder's own words quote the body, which may hold tokens.
		return nil, auth.Failf(auth.WeChatFailed, "%s: answered with something else than a JSON object (%d bytes)", endpoint, len(body))
	}
	if errcode := a.number("errcode"); errcode != 0 {
		return nil, refused(endpoint, errcode, a.text("errmsg"))
	}
	return a, nil
}

// repairJSON makes WeChat's bytes fit for a JSON decoder. Seen in the field: a byte
// order mark, raw control characters inside strings, broken UTF-8, and whole
// bodies in GBK. A space in place of a control character is harmless outside of
// strings and close to nothing inside.
func repairJSON(body []byte) []byte {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if !utf8.Valid(body) {
		body = decode(body)
	}
	for i, c := range body {
		if c < ' ' {
			body[i] = ' '
		}
	}
	return body
}

// decode turns bytes that are not UTF-8 into some. A body without a single
// multi-byte UTF-8 sequence that reads well as GB18030 is in GBK; any other is
// UTF-8 with a few broken characters.
func decode(body []byte) []byte {
	if !hasMultibyte(body) {
		if decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(body); err == nil && !bytes.ContainsRune(decoded, utf8.RuneError) {
			return decoded
		}
	}
	return bytes.ToValidUTF8(body, []byte("\uFFFD"))
}

func hasMultibyte(body []byte) bool {
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		// GBK hits valid two-byte UTF-8 now and then, three bytes hardly ever, and
		// Chinese in UTF-8 always has three.
		if r != utf8.RuneError && size >= 3 {
			return true
		}
		body = body[size:]
	}
	return false
}

// text reads a string, or a number as one; anything else is empty.
func (a answer) text(field string) string {
	switch value := a[field].(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}

// number reads a whole number, or a string that holds one; anything else is 0.
func (a answer) number(field string) int64 {
	text := a.text(field)
	if text == "" {
		return 0 // as most are, most of the time
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || f != f || f > 1e15 || f < -1e15 {
		return 0
	}
	return int64(f)
}

// list reads the strings of an array; anything else is an empty list.
func (a answer) list(field string) []string {
	items, _ := a[field].([]any)
	var list []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// identifier is what an openid or a unionid may look like: in the field 28
// characters of this alphabet. They go into headers and addresses, so nothing
// else passes.
var identifier = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// id reads an openid or unionid. Only a JSON string counts: a number would have
// lost digits.
func (a answer) id(field string) string {
	s, _ := a[field].(string)
	if !identifier.MatchString(s) {
		return ""
	}
	return s
}

// token reads the answer of the token endpoint.
func (a answer) token() (auth.TokenAnswer, error) {
	token := auth.TokenAnswer{
		OpenID:       a.id("openid"),
		UnionID:      a.id("unionid"),
		Scope:        auth.ParseScope(a.text("scope")),
		AccessToken:  auth.Secret(a.text("access_token")),
		RefreshToken: auth.Secret(a.text("refresh_token")),
		Snapshot:     a.number("is_snapshotuser") != 0 || a["is_snapshotuser"] == true,
	}
	if token.OpenID == "" {
		return auth.TokenAnswer{}, auth.Failf(auth.IdentityClash, "token: the answer names no openid")
	}
	return token, nil
}

// userinfo reads the answer of the profile endpoint. One that names no openid
// at all is garbled; one that names another is the caller's to refuse.
func (a answer) userinfo() (auth.Userinfo, error) {
	if _, ok := a["openid"]; !ok {
		return auth.Userinfo{}, auth.Failf(auth.WeChatFailed, "userinfo: the answer names no openid")
	}
	return auth.Userinfo{
		OpenID:  a.id("openid"),
		UnionID: a.id("unionid"),
		Profile: auth.Profile{
			Nickname:  a.text("nickname"),
			Sex:       int(a.number("sex")),
			Language:  a.text("language"),
			Country:   a.text("country"),
			Province:  a.text("province"),
			City:      a.text("city"),
			AvatarURL: a.text("headimgurl"),
			Privilege: a.list("privilege"),
		},
	}, nil
}
