package wechatsim

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Person is somebody with WeChat on the phone.
type Person struct {
	// Key names the person in cookies, addresses and tests: letters, digits,
	// - and _, at most 40. Empty or anything else: made up.
	Key string `json:"key"`

	// The profile as userinfo gives it. Bytes are sent unchanged: raw control characters
	// and invalid UTF-8 reach the client, as they do from WeChat (field reports). Since
	// 2021-10-20 sex is 0 and the regions are empty for everybody (official); older
	// profiles exist for tests.
	Nickname  string   `json:"nickname"`
	Sex       int      `json:"sex"` // 0 unknown, 1 male, 2 female
	Language  string   `json:"language"`
	Country   string   `json:"country"`
	Province  string   `json:"province"`
	City      string   `json:"city"`
	Privilege []string `json:"privilege"`

	// HeadImgURL is the address of the picture. Empty: the simulator draws one
	// and serves it, in Color. NoPicture makes headimgurl empty.
	HeadImgURL string `json:"headimgurl"`
	NoPicture  bool   `json:"no_picture,omitempty"`
	Color      string `json:"color,omitempty"` // #rrggbb; empty: by Key

	// OpenID has 28 characters and starts with o. Empty: derived from the
	// AppID and Key, so it is the same at every start.
	OpenID string `json:"openid"`
	// UnionID is set when the account is bound to an Open Platform account, and the
	// same with every app of that; it is not answered for snsapi_base (official). With
	// apps of another Open Platform account it is derived.
	UnionID string `json:"unionid,omitempty"`

	// OpenIDs are those with other accounts, by AppID. Missing ones are derived.
	OpenIDs map[string]string `json:"openids,omitempty"`

	// Risky makes WeChat hold back this person's mini program logins: 40226 (official).
	Risky bool `json:"risky,omitempty"`

	// Snapshot makes every snsapi_userinfo visit of this person a snapshot
	// page (快照页).
	Snapshot bool `json:"snapshot,omitempty"`

	// RawUserinfo, if set, is the whole body of this person's userinfo.
	RawUserinfo []byte `json:"raw_userinfo,omitempty"`
}

var goodKey = regexp.MustCompile(`^[0-9A-Za-z_-]{1,40}$`)

// AddPerson adds a person and returns them with Key and OpenID filled in. It replaces a
// person with the same Key: that is how a nickname changes. Beyond Config.Remember people
// the oldest are dropped, ready ones included.
func (s *Simulator) AddPerson(p Person) Person {
	if !goodKey.MatchString(p.Key) {
		p.Key = "p" + randomHex(6)
	}
	if p.OpenID == "" {
		p.OpenID = derivedID(s.cfg.AppID, p.Key)
	}
	p.Privilege = slices.Clone(p.Privilege)
	p.RawUserinfo = slices.Clone(p.RawUserinfo)
	p.OpenIDs = maps.Clone(p.OpenIDs)

	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.people.put(p.Key, &p)
	for _, a := range s.apps {
		a.people[a.openID(p)] = p.Key
		delete(s.consents, consent{a.AppID, gone})
		a.dropPerson(gone)
	}
	return p
}

// People returns everybody, the ready ones first.
func (s *Simulator) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Person
	for _, p := range s.people.all() {
		list = append(list, *p)
	}
	return list
}

func (s *Simulator) person(key string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people.get(key)
	if !ok {
		return Person{}, false
	}
	return *p, true
}

// Cookies on the simulator's host.
const (
	CookiePerson  = "wechatsim_person"  // Key of the person who holds the phone
	CookieConsent = "wechatsim_consent" // AnswerAllow or AnswerDeny: the popup is answered without being shown
	CookieFull    = "wechatsim_full"    // "1": 使用完整服务 was pressed, no more snapshot pages
)

// owner returns the person whose phone the request comes from.
func (s *Simulator) owner(r *http.Request) (Person, bool) {
	return s.person(cookie(r, CookiePerson))
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Shown returns the nickname for a page or JSON: valid UTF-8 without control characters.
func (p Person) Shown() string {
	name := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(p.Nickname, "�"))
	if strings.TrimSpace(name) == "" {
		return "（空昵称）"
	}
	return name
}

// derivedID makes an identifier in the shape of an openid or unionid: 28
// characters, the first an o (samples).
func derivedID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "o" + base64.RawURLEncoding.EncodeToString(sum[:])[:27]
}

// readyPeople returns the people that exist from the start. Some have a unionid and some do
// not, so that both cases occur; a real account has unionids for all people or for none.
func readyPeople() []Person {
	return []Person{
		{
			Key: "lin", Nickname: "林小满", Sex: 2, Language: "zh_CN",
			Country: "中国", Province: "广东", City: "广州", Color: "#07c160",
			UnionID: derivedID("unionid", "lin"),
		},
		{
			Key: "wang", Nickname: "王大锤🔨👨‍👩‍👧", Sex: 1, Language: "zh_CN",
			Country: "中国", Province: "北京", City: "朝阳", Color: "#fa9d3b",
			UnionID: derivedID("unionid", "wang"),
		},
		{
			Key: "alice", Nickname: "Alice O'Neil", Sex: 2, Language: "en",
			Country: "Ireland", Province: "", City: "Dublin", Color: "#6467f0",
			UnionID: derivedID("unionid", "alice"), Privilege: []string{"chinaunicom"},
		},
		// What most profiles look like since 2021/2022.
		{Key: "plain", Nickname: "微信用户", Color: "#9aa5b1"},
		// Markup, a spreadsheet formula, a right-to-left override and a raw
		// control character.
		{Key: "hostile", Nickname: "<b>\"=cmd|'/C calc'!A0\u202Egnp.exe\x14", Color: "#e0503d"},
		{
			Key: "snapshot", Nickname: "快照访客", Color: "#10aeff", Snapshot: true,
			UnionID: derivedID("unionid", "snapshot"),
		},
	}
}
