package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"
)

// CentralProvider is WeChat for one account. Errors are *Error: TokenSpent when WeChat no
// longer accepts the access token.
type CentralProvider interface {
	StableToken(ctx context.Context, force bool) (Issued, error)
	JSTicket(ctx context.Context, token Secret) (Issued, error)
}

// CentralAccount is an account whose credentials Central renews.
type CentralAccount struct {
	Account
	Provider CentralProvider
}

// Central keeps the accounts' access tokens and tickets in the database, so that no two
// processes ask WeChat for one and invalidate each other's. Whoever needs one reads the
// stored one, and one process renews it five minutes before it ends.
type Central struct {
	accounts []CentralAccount
	store    CredentialStore
	now      func() time.Time
	log      *slog.Logger
	owner    string                   // names this process in leases
	turns    map[string]chan struct{} // mutexes within this process, by lease
}

const (
	renewAhead = 5 * time.Minute // from then on WeChat issues the next one (official)
	// leastLife is how long a credential that is handed out must still be valid: it takes
	// time until it is used.
	leastLife = 10 * time.Second
	// centralLease keeps other processes from asking while one does. It is released
	// afterwards.
	centralLease = 30 * time.Second
	pollEvery    = 100 * time.Millisecond
	// What WeChat allows (official), plus a second for differing clocks.
	forceGap   = 31 * time.Second
	forceDaily = 20
)

// NewCentral makes a Central. It does not call WeChat yet.
func NewCentral(accounts []CentralAccount, store CredentialStore, now func() time.Time, log *slog.Logger) *Central {
	c := &Central{accounts: accounts, store: store, now: now, log: log, owner: rand.Text(), turns: make(map[string]chan struct{})}
	for _, a := range accounts {
		for _, kind := range []CredentialKind{AccessToken, JSTicket} {
			c.turns[leaseOf(a.AppID, kind)] = make(chan struct{}, 1)
		}
	}
	return c
}

func leaseOf(appID string, kind CredentialKind) string { return string(kind) + ":" + appID }

func (c *Central) account(appID string) (CentralAccount, error) {
	for _, a := range c.accounts {
		if a.AppID == appID && a.Kind != WebsiteAccount {
			return a, nil
		}
	}
	return CentralAccount{}, Failf(WeChatRefused, "no account with an access token has this AppID")
}

// Token returns the access token of an account.
func (c *Central) Token(ctx context.Context, appID string) (Credential, error) {
	return c.get(ctx, appID, AccessToken, "")
}

// Ticket returns the ticket that signs pages of an official account.
func (c *Central) Ticket(ctx context.Context, appID string) (Credential, error) {
	return c.get(ctx, appID, JSTicket, "")
}

// WithToken calls do with an account's access token, and once more with a new one if
// WeChat no longer accepts the first (TokenSpent).
func (c *Central) WithToken(ctx context.Context, appID string, do func(token Secret) error) error {
	token, err := c.Token(ctx, appID)
	if err != nil {
		return err
	}
	if err = do(token.Value); ReasonOf(err) != TokenSpent {
		return err
	}
	if token, err = c.get(ctx, appID, AccessToken, token.Value); err != nil {
		return err
	}
	return do(token.Value)
}

// Renew renews the credentials that have been used before and are about to end. Only one
// of several processes does so.
func (c *Central) Renew(ctx context.Context) error {
	var errs []error
	for _, a := range c.accounts {
		for _, kind := range []CredentialKind{AccessToken, JSTicket} {
			had, err := c.store.Credential(ctx, a.AppID, kind)
			if err == nil && had.Value != "" && c.now().After(had.EndsAt.Add(-renewAhead)) && !c.now().Before(had.RetryAt) {
				_, _, err = c.renew(ctx, a, kind, "")
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// get returns the stored credential. It asks WeChat for one when none is stored, when the
// stored one has ended, or when it is spent, the one that WeChat no longer accepts.
func (c *Central) get(ctx context.Context, appID string, kind CredentialKind, spent Secret) (Credential, error) {
	a, err := c.account(appID)
	if err != nil {
		return Credential{}, err
	}
	for {
		had, err := c.store.Credential(ctx, appID, kind)
		now := c.now()
		switch {
		case err != nil:
			return Credential{}, err
		case had.usable(now, spent):
			return had, nil
		case now.Before(had.RetryAt):
			return Credential{}, had.failed()
		}
		had, mine, err := c.renew(ctx, a, kind, spent)
		if mine || err != nil {
			return had, err
		}
		select { // another process is asking
		case <-ctx.Done():
			return Credential{}, Failf(WeChatBusy, "%s: another process is asking WeChat: %w", kind, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

func (c Credential) usable(now time.Time, spent Secret) bool {
	return c.Value != "" && c.Value != spent && now.Add(leastLife).Before(c.EndsAt)
}

// renew asks WeChat for another credential, unless another process is asking: mine is
// false then.
func (c *Central) renew(ctx context.Context, a CentralAccount, kind CredentialKind, spent Secret) (_ Credential, mine bool, err error) {
	job := leaseOf(a.AppID, kind)
	select {
	case c.turns[job] <- struct{}{}:
		defer func() { <-c.turns[job] }()
	case <-ctx.Done():
		return Credential{}, false, Fail(WeChatBusy, ctx.Err())
	}
	// The first caller may go away; the others wait for the result.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), centralLease/2)
	defer cancel()
	now := c.now()
	if mine, err = c.store.TakeLease(ctx, job, c.owner, now, now.Add(centralLease)); err != nil || !mine {
		return Credential{}, false, err
	}
	defer func() {
		// The result is saved: release the lease, so that nobody waits for it to expire.
		if _, given := c.store.TakeLease(ctx, job, c.owner, c.now(), c.now()); given != nil {
			err = errors.Join(err, given)
		}
	}()
	had, err := c.store.Credential(ctx, a.AppID, kind)
	if err != nil {
		return Credential{}, true, err
	}
	ahead := now.After(had.EndsAt.Add(-renewAhead))
	switch {
	case had.usable(now, spent) && !ahead:
		return had, true, nil // another process has renewed it
	case now.Before(had.RetryAt):
		if had.usable(now, spent) {
			return had, true, nil
		}
		return Credential{}, true, had.failed()
	}
	issued, err := c.ask(ctx, a, &had, spent)
	now = c.now()
	if err != nil {
		had.note(err, now)
		c.log.WarnContext(ctx, "WeChat gave no "+string(kind), "account", a.Name, "reason", had.Failure, "errcode", had.Errcode,
			"address_to_put_on_the_list", had.From, "error", err)
		return had, true, errors.Join(err, c.store.SaveCredential(ctx, had))
	}
	had.Value, had.EndsAt = issued.Value, now.Add(issued.Lifetime)
	had.Failure, had.Errcode, had.From, had.RetryAt = "", 0, "", time.Time{}
	if err := c.store.SaveCredential(ctx, had); err != nil {
		return Credential{}, true, err
	}
	c.log.InfoContext(ctx, "WeChat gave a "+string(kind), "account", a.Name, "ends_at", had.EndsAt)
	return had, true, nil
}

// ask asks WeChat for a credential. If WeChat returns the token that it has just refused,
// ask forces a refresh, as often as WeChat allows.
func (c *Central) ask(ctx context.Context, a CentralAccount, had *Credential, spent Secret) (issued Issued, err error) {
	if had.Kind == JSTicket {
		err = c.WithToken(ctx, a.AppID, func(token Secret) (err error) {
			issued, err = a.Provider.JSTicket(ctx, token)
			return err
		})
		return issued, err
	}
	if issued, err = a.Provider.StableToken(ctx, false); err != nil || spent == "" || issued.Value != spent {
		return issued, err
	}
	now := c.now()
	if !sameDay(now, had.ForcedAt) {
		had.ForcedCount = 0
	}
	if now.Sub(had.ForcedAt) < forceGap || had.ForcedCount >= forceDaily {
		return Issued{}, Failf(WeChatBusy, "WeChat gives a token that it does not take, and may not be made to give another yet")
	}
	had.ForcedAt, had.ForcedCount = now, had.ForcedCount+1
	if err := c.store.SaveCredential(ctx, *had); err != nil { // beforehand: it counts even if the call fails
		return Issued{}, err
	}
	c.log.WarnContext(ctx, "WeChat refuses the access token that it issues: refresh forced", "account", a.Name, "today", had.ForcedCount)
	return a.Provider.StableToken(ctx, true)
}

// sameDay compares dates in China's time, by which WeChat counts days.
func sameDay(a, b time.Time) bool {
	china := time.FixedZone("CST", 8*3600)
	return a.In(china).Format(time.DateOnly) == b.In(china).Format(time.DateOnly)
}
