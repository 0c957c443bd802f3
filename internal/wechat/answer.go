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

// answer is the JSON object that WeChat sends for everything, errors included. It is read
// leniently: WeChat has sent numbers as strings, nulls, and answers with fields missing
// (field reports), and one odd field must not spoil the rest. So every value keeps its JSON
// type, with numbers as json.Number.
type answer map[string]any

// parseAnswer parses a body whatever its Content-Type (officially JSON, sent as text/plain).
// An answer with an errcode is an error.
func parseAnswer(endpoint string, body []byte) (answer, error) {
	var a answer
	decoder := json.NewDecoder(bytes.NewReader(repairJSON(body)))
	decoder.UseNumber()
	err := decoder.Decode(&a)
	if _, more := decoder.Token(); err != nil || a == nil || more != io.EOF {
		// The decoder's error quotes the body, which may hold tokens.
		return nil, auth.Failf(auth.WeChatFailed, "%s: answered with something else than a JSON object (%d bytes)", endpoint, len(body))
	}
	if errcode := a.number("errcode"); errcode != 0 {
		return nil, refused(endpoint, errcode, a.text("errmsg"))
	}
	return a, nil
}

// repairJSON makes WeChat's bytes valid for a JSON decoder. Seen in the field: a byte order
// mark, raw control characters inside strings, broken UTF-8, and whole bodies in GBK. A
// control character becomes a space, which is harmless outside strings and nearly so inside.
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

// decode converts bytes that are not valid UTF-8. A body without any long UTF-8 sequence
// that decodes as GB18030 is taken for GBK; any other is UTF-8 with a few broken characters.
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
		// GBK sometimes looks like two-byte UTF-8 but hardly ever like three-byte, which
		// Chinese in UTF-8 always is.
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
		return 0 // the usual case
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

// identifier matches openids and unionids: in the field 28 characters of this alphabet. They
// are put into headers and addresses, so nothing else is accepted.
var identifier = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// id reads an openid or unionid. It must be a JSON string, as a number would have lost
// digits.
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

// userinfo reads the answer of the profile endpoint. An answer without an openid is
// garbled; one with another person's openid has to be refused by the caller.
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
