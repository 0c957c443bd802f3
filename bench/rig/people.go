package rig

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Person is a made-up person, always the same for the same number.
type Person struct {
	Key      string // at the simulator
	OpenID   string
	UnionID  string
	Nickname string
	Token    string // of the session from Fill
}

// PersonNumber makes up a person.
func PersonNumber(n int) Person {
	r := random("person", n)
	p := Person{
		Key:      fmt.Sprintf("b%d", n),
		OpenID:   "oB" + letters(r, 26),
		Nickname: nickname(r),
		Token:    digest(fmt.Sprintf("session of %d", n)),
	}
	if r.IntN(100) < 70 {
		p.UnionID = "oU" + letters(r, 26)
	}
	return p
}

// random returns a source of its own for each person and purpose.
func random(purpose string, n int) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", purpose, n))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
}

// digest returns 43 characters, like a token or the hash of one.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func letters(r *rand.Rand, n int) string {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = all[r.IntN(len(all))]
	}
	return string(b)
}

// rowID makes a UUID of version 7, as the program does for its rows.
func rowID(at time.Time, r *rand.Rand) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	binary.BigEndian.PutUint16(b[6:], 0x7000|uint16(r.IntN(1<<12)))
	binary.BigEndian.PutUint64(b[8:], r.Uint64()&^(3<<62)|2<<62)
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// Nicknames as people choose them: a name, a mood, a thing with a number, or WeChat's default
// for people without one.
var (
	surnames = []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕")
	given    = []rune("伟芳娜敏静丽强磊军洋勇艳杰涛明超秀霞平刚桂英华玉兰红建文辉玲梅国春燕海燕鹏宇浩然欣怡子涵梓轩雨桐诗琪佳俊熙晨曦思远嘉懿若彤博雅")
	moods    = []string{"岁月静好", "风轻云淡", "一叶知秋", "浅夏", "南城旧梦", "随遇而安", "海阔天空", "清风徐来", "晚安", "向阳而生", "半糖", "初见", "小满", "橘子汽水", "星河", "人间烟火", "不二", "静水流深", "云朵", "阿拉蕾"}
	latin    = []string{"Alice", "Kevin", "Amy", "Leo", "Cindy", "Jason", "Vivian", "Tony", "Echo", "Sunny", "momo", "Lucky", "Eric", "Grace", "Hebe"}
	marks    = []string{"", "", "", "", "🌸", "☀️", "🐱", "～", "_", "🍀", "✨", "❤️"}
)

func nickname(r *rand.Rand) string {
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	switch n := r.IntN(100); {
	case n < 40:
		name := string(surnames[r.IntN(len(surnames))]) + string(given[r.IntN(len(given))])
		if r.IntN(3) > 0 {
			name += string(given[r.IntN(len(given))])
		}
		return name + pick(marks)
	case n < 62:
		return pick(moods) + pick(marks)
	case n < 72:
		return "小" + string(given[r.IntN(len(given))]) + pick(marks)
	case n < 84:
		return pick(latin) + pick(marks)
	case n < 92:
		return fmt.Sprintf("%s%d", pick(latin), r.IntN(10000))
	}
	return "微信用户"
}

// RareNickname is a nickname that Fill gives to exactly one of the people.
const RareNickname = "鲸落南屿"

// Add adds a person to the simulator, so that they can have a phone.
func (s *Simulator) Add(c *Conn, p Person) error {
	body, err := json.Marshal(map[string]any{
		"key": p.Key, "openid": p.OpenID, "unionid": p.UnionID, "nickname": p.Nickname, "language": "zh_CN", "no_picture": true,
	})
	if err != nil {
		return err
	}
	return s.Control(c, http.MethodPost, "/_sim/people", body)
}

// Control sends a request to the simulator's control API. The answer is in c.
func (s *Simulator) Control(c *Conn, method, path string, body []byte) error {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, s.Address, len(body), body)
	if err := c.Do(request, time.Now().Add(answerTime)); err != nil {
		return err
	}
	if c.Status/100 != 2 {
		return fmt.Errorf("simulator: %s %s: %d: %s", method, path, c.Status, c.Body)
	}
	return nil
}
