package auth

import "time"

// A person who is signed in links a further identity by logging in with it as well: the two
// logins together prove that both are theirs, without a unionid.

// LinkWithin is how far apart the two logins may be, so that nobody can use a browser that
// was signed in long ago to take its account over.
const LinkWithin = 10 * time.Minute

// Link says to whom a login gives its identity.
type Link struct {
	// SessionID names the session in which the link was begun. Its person, when the login
	// is saved, gets the identity; LinkStale when it has ended.
	SessionID string
	// Apart says whether two people cannot be one, by their identities.
	Apart func(kept, other []Identity) bool
	// Appointed says whether the settings name a person as an admin; nil: they name nobody.
	Appointed func(User) bool
}

// link returns the Link of a login that links to a visit; nil when to is nil.
func (r *Rules) link(to *Visit) *Link {
	if to == nil {
		return nil
	}
	return &Link{SessionID: to.Session.ID, Apart: r.Apart, Appointed: r.Appointed}
}

// Apart says whether WeChat's own identifiers show that two people are different: a person
// has one openid for each account, and one unionid within an Open Platform account. This
// keeps an attacker from merging a victim into themselves by having the victim scan their
// link code.
func (r *Rules) Apart(kept, other []Identity) bool {
	for _, a := range kept {
		for _, b := range other {
			group := r.Account(a.AppID).Group
			if a.AppID == b.AppID || group != "" && group == r.Account(b.AppID).Group && Changed(a.UnionID, b.UnionID) {
				return true
			}
		}
	}
	return false
}

// MayLink says whether a session began recently enough to link an identity to it.
func MayLink(v *Visit, now time.Time) bool { return Age(now, v.Session.CreatedAt) < LinkWithin }
