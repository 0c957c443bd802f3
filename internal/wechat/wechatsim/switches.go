package wechatsim

import "fmt"

// A visitor's answers to the consent popup, for Switches.AutoConsent and the cookie
// wechatsim_consent.
const (
	AnswerAllow = "allow"
	AnswerDeny  = "deny"
)

// What WeChat does after 拒绝, for Switches.DenyStyle.
const (
	DenyCloses    = "close"      // no redirect, the webview closes: H5 today (field reports)
	DenyStateOnly = "state-only" // callback with the state and no code (older official text)
	DenyAuthdeny  = "authdeny"   // callback with code=authdeny, before about 2018 (field reports)
)

// Switches change WeChat's behaviour until they are changed back.
type Switches struct {
	// DenyStyle is what happens after 拒绝. Empty: DenyCloses.
	DenyStyle string `json:"deny_style"`
	// AutoConsent answers the consent popup without showing it: AnswerAllow or AnswerDeny.
	// Empty: the popup is shown.
	AutoConsent string `json:"auto_consent"`
	// RememberConsent skips the popup for 30 days after 允许, unless the link
	// says forcePopup=true (official). Off: it shows every time.
	RememberConsent bool `json:"remember_consent"`
	// ExpiredCode is the errcode for a code older than five minutes: 40029
	// (field reports) or 42003 (official list). 0: 40029.
	ExpiredCode int `json:"expired_code"`
	// NoUserinfoScope refuses snsapi_userinfo with 10005, as for an account
	// that is not a verified service account (official).
	NoUserinfoScope bool `json:"no_userinfo_scope"`

	// What libraries send although WeChat is known or likely to refuse it. Whether today's
	// WeChat accepts it is unknown (there are field reports of both).

	// AnyOrder accepts the parameters of an authorize link in any order, and other
	// parameters beside them.
	AnyOrder bool `json:"any_order"`
	// EmptyState treats an empty state as a missing one.
	EmptyState bool `json:"empty_state"`
	// AllowPost accepts POST at the /sns endpoints, with the parameters in the query, in a
	// form, or in both.
	AllowPost bool `json:"allow_post"`
}

// Lenient returns the switches with all of those on that accept what WeChat may refuse.
func (sw Switches) Lenient() Switches {
	sw.AnyOrder, sw.EmptyState, sw.AllowPost = true, true, true
	return sw
}

// normal fills in the defaults.
func (sw Switches) normal() Switches {
	if sw.DenyStyle == "" {
		sw.DenyStyle = DenyCloses
	}
	if sw.ExpiredCode == 0 {
		sw.ExpiredCode = 40029
	}
	return sw
}

// check validates switches that came from outside.
func (sw Switches) check() error {
	switch sw.DenyStyle {
	case "", DenyCloses, DenyStateOnly, DenyAuthdeny:
	default:
		return fmt.Errorf("deny_style must be %s, %s or %s", DenyCloses, DenyStateOnly, DenyAuthdeny)
	}
	switch sw.AutoConsent {
	case "", AnswerAllow, AnswerDeny:
	default:
		return fmt.Errorf("auto_consent must be empty, %s or %s", AnswerAllow, AnswerDeny)
	}
	switch sw.ExpiredCode {
	case 0, 40029, 42003:
	default:
		return fmt.Errorf("expired_code must be 40029 or 42003")
	}
	return nil
}

// Switches returns the current switches.
func (s *Simulator) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches
}

// SetSwitches sets all switches.
func (s *Simulator) SetSwitches(sw Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches = sw.normal()
}
