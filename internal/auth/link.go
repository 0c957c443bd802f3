package auth

import "time"

// Somebody who is signed in links an identity of theirs by logging in with it as well:
// both logins prove together what no unionid has to say.

// LinkWithin is how far apart the two logins may be. Whoever finds a browser that was
// signed in long ago cannot make its account theirs.
const LinkWithin = 10 * time.Minute

// Link is whom a login gives its identity to.
type Link struct {
	// SessionID names the session that has begun it. Whoever has it when the login is
	// written down gets the identity; LinkStale when it has ended.
	SessionID string
	// Apart says that two people cannot be one, by the identities that they have.
	Apart func(kept, other []Identity) bool
	// Appointed says whether the settings name somebody an admin; nil for nobody.
	Appointed func(User) bool
}

// link is what a login writes that links to a visit; nil for none.
func (r *Rules) link(to *Visit) *Link {
	if to == nil {
		return nil
	}
	return &Link{SessionID: to.Session.ID, Apart: r.Apart, Appointed: r.Appointed}
}

// Apart says that WeChat itself tells people apart: it gives one person one openid for
// each account, and one unionid within an Open Platform account. Whoever has somebody
// else scan a code of theirs is kept by this from making that person a part of
// themselves.
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

// MayLink says whether a visit began a moment ago, as it has to for a link.
func MayLink(v *Visit, now time.Time) bool { return Age(now, v.Session.CreatedAt) < LinkWithin }
