package auth

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Scope is what WeChat was asked to tell about a person.
type Scope string

// WeChat's two scopes for web pages (official: H5 guide).
const (
	ScopeBase     Scope = "snsapi_base"     // silent; the openid alone
	ScopeUserinfo Scope = "snsapi_userinfo" // consent page; the profile too
)

// ScopeLogin is the one scope of website accounts: a code on a desktop, consent on the
// phone that scans it, and the profile (official: 网站应用).
const ScopeLogin Scope = "snsapi_login"

// ScopeMini stands in sessions and the history for a login of a mini program, which
// asks for no scope (official: wx.login). No person and no token has it.
const ScopeMini Scope = "mini"

// ScopeScan stands in the history for a login that asked WeChat nothing: that of
// a desktop, let in by a phone. No person and no token has it.
const ScopeScan Scope = "scan"

// ParseScope reads the scope of a token answer. WeChat separates several by
// commas and ends a refresh answer's list with one (field reports), so the
// widest one named counts and empty items are passed over. What ScopeLogin opens is
// what ScopeUserinfo does.
func ParseScope(s string) Scope {
	items := strings.Split(s, ",")
	if slices.Contains(items, string(ScopeUserinfo)) || slices.Contains(items, string(ScopeLogin)) {
		return ScopeUserinfo
	}
	return ScopeBase
}

// User is one person, by one of their identities: (AppID, OpenID) is nobody else's.
// It is the one that they first came with, or in a Visit or a Grant the one that they
// signed in by.
type User struct {
	ID      string // ours, time-ordered
	AppID   string
	OpenID  string
	UnionID string // empty when WeChat gave none
	// IdentityID names that identity; empty for the first.
	IdentityID string
	Scope      Scope // the widest scope the person has ever granted to that account
	Blocked    bool
	Profile
	FirstLoginAt     time.Time
	LastLoginAt      time.Time
	ProfileUpdatedAt time.Time // zero: no profile has ever arrived
	LoginCount       int64
	// ConsentVersion and ConsentAt say to which of our texts the person agreed
	// last, and when; empty and zero for who was never asked.
	ConsentVersion string
	ConsentAt      time.Time
	// Groups are those that an admin has put the person in, sorted.
	Groups []string
	// Identities are all that the person has, the first one first; nil for the one above
	// alone, and where nobody has asked for them.
	Identities []Identity
}

// Identity is the one that the person is told of by.
func (u User) Identity() Identity {
	return Identity{ID: u.IdentityID, AppID: u.AppID, OpenID: u.OpenID, UnionID: u.UnionID, Scope: u.Scope}
}

// AllIdentities are those of a person whose identities have been asked for.
func (u User) AllIdentities() []Identity {
	if u.Identities == nil {
		return []Identity{u.Identity()}
	}
	return u.Identities
}

// WithFurther is the person with the identities that they have besides the first, which
// is the one that they are told of by.
func (u User) WithFurther(further []Identity) User {
	if len(further) > 0 {
		slices.SortFunc(further, func(a, b Identity) int { return cmp.Compare(a.ID, b.ID) })
		u.Identities = append([]Identity{u.Identity()}, further...)
	}
	return u
}

// By is the person by another of their identities.
func (u User) By(i Identity) User {
	u.IdentityID, u.AppID, u.OpenID, u.UnionID, u.Scope = i.ID, i.AppID, i.OpenID, i.UnionID, i.Scope
	return u
}

// InAny says whether the person is in one of some groups.
func (u User) InAny(groups []string) bool {
	return slices.ContainsFunc(groups, func(group string) bool { return slices.Contains(u.Groups, group) })
}

// Consented says whether the person has ever allowed us their profile. Only
// such people pass a silent login in the mode Auto.
func (u User) Consented() bool { return u.Scope == ScopeUserinfo }

// Profile is what snsapi_userinfo tells. Since 2021-10-20 WeChat leaves sex and
// the regions empty for most people (official announcement).
type Profile struct {
	Nickname  string
	Sex       int // 0 unknown, 1 male, 2 female
	Language  string
	Country   string
	Province  string
	City      string
	AvatarURL string // at WeChat; dies when the person changes the picture
	Privilege []string
}

// The longest texts kept of a profile, in characters. WeChat allows 32 for a
// nickname; the cap only has to stop what is not a nickname at all.
const (
	maxNickname = 10_000
	maxField    = 512
)

// Clean gives the profile as it may be stored: valid UTF-8, one line, without
// characters that act on the text around them. See CleanText for the rule.
func (p Profile) Clean() Profile {
	p.Nickname = CleanText(p.Nickname, maxNickname)
	for _, field := range []*string{&p.Language, &p.Country, &p.Province, &p.City, &p.AvatarURL} {
		*field = CleanText(*field, maxField)
	}
	if p.Sex != 1 && p.Sex != 2 {
		p.Sex = 0
	}
	privilege := make([]string, 0, len(p.Privilege))
	for _, item := range p.Privilege[:min(len(p.Privilege), 32)] {
		privilege = append(privilege, CleanText(item, maxField))
	}
	p.Privilege = privilege
	return p
}

// CleanText makes s safe to stand in any page, CSV or log, changing no letter:
// broken UTF-8 becomes U+FFFD; control characters (C0, C1, line and paragraph
// separators) become spaces; the invisible characters that turn the direction
// of what follows go; spaces at the ends go. Right-to-left letters, joiners and
// emoji stay as they are.
func CleanText(s string, maxRunes int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == '\uFEFF':
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxRunes {
		s = string([]rune(s)[:maxRunes])
	}
	return strings.TrimSpace(s)
}

// NewID makes an identifier for a row: a UUID of version 7, so that rows made
// one after the other stand together in an index. It is a name, not a secret.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
