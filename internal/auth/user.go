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

// Scope is what WeChat was asked for about a person.
type Scope string

// WeChat's two scopes for web pages (official: H5 guide).
const (
	ScopeBase     Scope = "snsapi_base"     // silent; the openid alone
	ScopeUserinfo Scope = "snsapi_userinfo" // consent page; the profile too
)

// ScopeLogin is the only scope of website accounts: a QR code on a desktop, consent on the
// phone that scans it, and the profile (official: 网站应用).
const ScopeLogin Scope = "snsapi_login"

// ScopeMini, in sessions and the history, marks a login of a mini program, which asks for
// no scope (official: wx.login). No person and no token has it.
const ScopeMini Scope = "mini"

// ScopeScan, in sessions and the history, marks a desktop's login by a phone, which did not
// involve WeChat. No person and no token has it.
const ScopeScan Scope = "scan"

// ParseScope reads the scope of a token answer. WeChat separates several by commas and ends
// the list of a refresh answer with one (field reports), so the widest scope counts and
// empty items are ignored. ScopeLogin gives the same access as ScopeUserinfo.
func ParseScope(s string) Scope {
	items := strings.Split(s, ",")
	if slices.Contains(items, string(ScopeUserinfo)) || slices.Contains(items, string(ScopeLogin)) {
		return ScopeUserinfo
	}
	return ScopeBase
}

// User is one person, with one of their identities in AppID to Scope: their first one, or in
// a Visit or a Granted the one that they signed in by. No two people share an identity.
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
	// ConsentVersion and ConsentAt say to which of our texts the person agreed last, and
	// when; empty and zero if they were never asked.
	ConsentVersion string
	ConsentAt      time.Time
	// Groups are those that an admin has put the person in, sorted.
	Groups []string
	// Identities are all that the person has, the first one first; nil if they have only
	// the one above, and where the others were not read.
	Identities []Identity
}

// Identity returns the identity that is in the User's own fields.
func (u User) Identity() Identity {
	return Identity{ID: u.IdentityID, AppID: u.AppID, OpenID: u.OpenID, UnionID: u.UnionID, Scope: u.Scope}
}

// AllIdentities returns the person's identities, as far as they were read.
func (u User) AllIdentities() []Identity {
	if u.Identities == nil {
		return []Identity{u.Identity()}
	}
	return u.Identities
}

// WithFurther returns the person with all identities: the first, which is in the User's own
// fields, and the further ones.
func (u User) WithFurther(further []Identity) User {
	if len(further) > 0 {
		slices.SortFunc(further, func(a, b Identity) int { return cmp.Compare(a.ID, b.ID) })
		u.Identities = append([]Identity{u.Identity()}, further...)
	}
	return u
}

// By returns the person with another of their identities in the User's own fields.
func (u User) By(i Identity) User {
	u.IdentityID, u.AppID, u.OpenID, u.UnionID, u.Scope = i.ID, i.AppID, i.OpenID, i.UnionID, i.Scope
	return u
}

// InAny says whether the person is in at least one of the groups.
func (u User) InAny(groups []string) bool {
	return slices.ContainsFunc(groups, func(group string) bool { return slices.Contains(u.Groups, group) })
}

// Consented says whether the person has ever allowed us to read their profile. Only such
// people are signed in by a silent login in ModeAuto.
func (u User) Consented() bool { return u.Scope == ScopeUserinfo }

// Profile is what snsapi_userinfo gives access to. Since 2021-10-20 WeChat leaves sex and
// regions empty for most people (official announcement).
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

// The longest texts that are stored of a profile, in characters. WeChat allows 32 for a
// nickname; the limit only has to stop what cannot be a nickname.
const (
	maxNickname = 10_000
	maxField    = 512
)

// Clean returns the profile as it may be stored: valid UTF-8, one line, without characters
// that affect the text around them. See CleanText for the rule.
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

// CleanText makes s safe for any page, CSV or log without changing a letter: broken UTF-8
// becomes U+FFFD; control characters (C0, C1, line and paragraph separators) become
// spaces; invisible characters that change the direction of the text and spaces at the
// ends are removed. Right-to-left letters, joiners and emoji stay as they are.
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

// NewID makes the id of a row: a UUID of version 7, so that rows made one after the other
// are next to each other in an index. It is a name, not a secret.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
