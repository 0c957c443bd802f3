package auth

import "time"

// Mode is the operator's choice of who is asked for consent (WXLOGIN_SCOPE).
type Mode string

// The modes.
const (
	ModeAuto     Mode = "auto"     // silent first; consent only from people not yet known
	ModeBase     Mode = "base"     // never more than the openid
	ModeUserinfo Mode = "userinfo" // consent from everyone, at once
)

// ScopeFor returns the scope of the next trip to WeChat. consent says that the person has
// just agreed on our own page: WeChat shows a snsapi_userinfo page that the person did not
// ask for as a snapshot (official announcement of 2022), which is why ModeAuto waits for it.
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
	// Recheck is the age at which a silent login checks that a session still belongs to
	// the person who uses the phone. 0: never.
	Recheck time.Duration
	// RenewProfile asks a known person whose token has died for consent again, after a
	// silent login. Without it, only the person can begin that.
	RenewProfile bool
	// Appointed says whether the settings name a person as an admin; nil: they name nobody.
	Appointed func(User) bool
	Followers bool // WeChat is asked who follows the official accounts
}

// all returns the accounts that people sign in by.
func (r *Rules) all() []Account { return AllAccounts(r.Accounts, r.AppID) }

// AppIDs returns the AppIDs of the accounts that people sign in by.
func (r Rules) AppIDs() []string {
	var ids []string
	for _, account := range r.all() {
		ids = append(ids, account.AppID)
	}
	return ids
}

// Account returns the account with an AppID; the zero Account when none is configured.
func (r Rules) Account(appID string) Account {
	for _, account := range r.all() {
		if account.AppID == appID {
			return account
		}
	}
	return Account{}
}

// Named returns the account with a name. NoSuchAccount when there is none.
func (r *Rules) Named(name string) (Account, error) {
	for _, account := range r.all() {
		if account.Name == name {
			return account, nil
		}
	}
	return Account{}, Failf(NoSuchAccount, "there is no account of this name")
}

// Kin returns the AppIDs of the other accounts of the same Open Platform account: their
// unionids name the same people.
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
