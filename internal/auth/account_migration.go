package auth

import (
	"context"
	"time"
)

// OpenIDChanger is WeChat for an account that another was migrated to (公众号迁移).
type OpenIDChanger interface {
	// ChangeOpenID maps openids of the former account, at most 100 (official), to those of
	// this one. Openids that WeChat cannot map are left out. TokenSpent as with Follower.
	ChangeOpenID(ctx context.Context, token Secret, fromAppID string, openIDs []string) (map[string]string, error)
}

// mostChanged is how many openids WeChat maps at once (official).
const mostChanged = 100

// AccountMigrationStore moves identities to another account. Errors are StoreDown.
type AccountMigrationStore interface {
	// OpenIDsOf lists openids of an account, in order, that come after one; limit at most.
	OpenIDsOf(ctx context.Context, appID, after string, limit int) ([]string, error)
	// CountOpenIDs counts the openids of an account.
	CountOpenIDs(ctx context.Context, appID string) (int64, error)
	// MoveOpenIDs moves identities from one account to another, in one transaction, with
	// the new openids that WeChat has mapped them to. What is bound to the former account
	// is deleted (refresh tokens, who follows it); sessions, rights and history stay with
	// the person. An identity whose new openid is already known stays as it is and counts
	// as taken; if the two belong to two people, a join is proposed. With Dry nothing is
	// written.
	MoveOpenIDs(ctx context.Context, m MoveOpenIDs) (taken int64, err error)
}

// MoveOpenIDs is what one transaction of an account migration moves.
type MoveOpenIDs struct {
	From, To string            // AppIDs
	OpenIDs  map[string]string // new by old
	At       time.Time
	Dry      bool
}

// AccountMigration gives the people of a former account the openids that they have with
// the account it was migrated to. Each batch is final: when a migration was interrupted,
// the next run asks about the rest.
type AccountMigration struct {
	Account   Account // the one migrated to
	FromAppID string
	Central   *Central
	WeChat    OpenIDChanger
	Store     AccountMigrationStore
	Now       func() time.Time
	Dry       bool // ask WeChat, and write nothing
	// Progress, if set, is called after each batch with the totals so far and the batch's
	// openids, new by old.
	Progress func(done Migrated, changed map[string]string)
}

// Migrated is the progress of an account migration.
type Migrated struct {
	Found   int64 // openids of the former account, when it began
	Moved   int64 // openids that were replaced
	Taken   int64 // openids whose new one was already known
	Unknown int64 // openids that WeChat could not map
}

// Asked is how many openids WeChat has been asked about.
func (m Migrated) Asked() int64 { return m.Moved + m.Taken + m.Unknown }

// Run migrates all openids. When an error stops it, what it returns has been done.
func (m AccountMigration) Run(ctx context.Context) (done Migrated, err error) {
	if done.Found, err = m.Store.CountOpenIDs(ctx, m.FromAppID); err != nil {
		return done, err
	}
	last := ""
	for {
		batch, err := m.Store.OpenIDsOf(ctx, m.FromAppID, last, mostChanged)
		if err != nil || len(batch) == 0 {
			return done, err
		}
		changed, err := m.ask(ctx, batch)
		if err != nil {
			return done, err
		}
		taken, err := m.Store.MoveOpenIDs(ctx, MoveOpenIDs{From: m.FromAppID, To: m.Account.AppID, OpenIDs: changed, At: m.Now(), Dry: m.Dry})
		if err != nil {
			return done, err
		}
		last = batch[len(batch)-1]
		done.Unknown += int64(len(batch) - len(changed))
		done.Taken += taken
		done.Moved += int64(len(changed)) - taken
		if m.Progress != nil {
			m.Progress(done, changed)
		}
	}
}

// ask asks WeChat, and retries after a pause when WeChat is busy.
func (m AccountMigration) ask(ctx context.Context, openIDs []string) (changed map[string]string, err error) {
	pauses := []time.Duration{time.Second, 5 * time.Second}
	for {
		err = m.Central.WithToken(ctx, m.Account.AppID, func(token Secret) (err error) {
			changed, err = m.WeChat.ChangeOpenID(ctx, token, m.FromAppID, openIDs)
			return err
		})
		if err == nil || len(pauses) == 0 || ReasonOf(err) != WeChatTimeout && ErrcodeOf(err) != -1 {
			return changed, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pauses[0]):
			pauses = pauses[1:]
		}
	}
}
