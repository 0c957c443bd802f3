package auth

import "time"

// Mode is the operator's choice of what is asked of whom (WXLOGIN_SCOPE).
type Mode string

// The modes.
const (
	ModeAuto     Mode = "auto"     // silent first; consent only from people not yet known
	ModeBase     Mode = "base"     // never more than the openid
	ModeUserinfo Mode = "userinfo" // consent from everyone, at once
)

// ScopeFor is the scope of the next trip to WeChat. consent says that the person
// has just agreed on our own page: WeChat opens a snsapi_userinfo page that
// nobody asked for as a snapshot (official announcement of 2022), which is why
// ModeAuto waits for it.
func (m Mode) ScopeFor(consent bool) Scope {
	if m == ModeUserinfo || m == ModeAuto && consent {
		return ScopeUserinfo
	}
	return ScopeBase
}

// Rules are the operator's settings that bear on sign-in.
type Rules struct {
	AppID    string    // of the account main
	Accounts []Account // that people sign in by, as AllAccounts takes them
	Mode     Mode
	Idle     time.Duration // a session ends after this long without a visit
	Lifetime time.Duration // and after this long in any case
	Budget   time.Duration // for one login, WeChat's answers and our writes together
	// Recheck is the age at which a session is checked, silently, against the
	// person who holds the phone by then. 0: never.
	Recheck time.Duration
	// RenewProfile has somebody known whose token has died asked for consent once more
	// after a silent login; else only they themselves can ask for that.
	RenewProfile bool
	// Appointed says whether the settings name somebody an admin; nil for nobody.
	Appointed func(User) bool
	Followers bool // WeChat is asked who follows the official accounts
}

// all are the accounts that people sign in by.
func (r *Rules) all() []Account { return AllAccounts(r.Accounts, r.AppID) }

// AppIDs are those of the accounts that people sign in by.
func (r Rules) AppIDs() []string {
	var ids []string
	for _, account := range r.all() {
		ids = append(ids, account.AppID)
	}
	return ids
}

// Account is the one of an AppID; the zero Account when it is none of ours (any more).
func (r Rules) Account(appID string) Account {
	for _, account := range r.all() {
		if account.AppID == appID {
			return account
		}
	}
	return Account{}
}

// Named returns the account of a name. NoSuchAccount when there is none.
func (r *Rules) Named(name string) (Account, error) {
	for _, account := range r.all() {
		if account.Name == name {
			return account, nil
		}
	}
	return Account{}, Failf(NoSuchAccount, "there is no account of this name")
}

// Kin are the AppIDs of the other accounts of the same Open Platform account: those
// whose unionids name the same people.
func (r Rules) Kin(appID string) (kin []string) {
	group := r.Account(appID).Group
	if group == "" {
		return nil
	}
	for _, account := range r.all() {
		if account.Group == group && account.AppID != appID {
			kin = append(kin, account.AppID)
		}
	}
	return kin
}
