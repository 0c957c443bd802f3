package auth

import (
	"context"
	"time"
)

// OpenIDChanger is WeChat for an account that another has been moved to (公众号迁移).
type OpenIDChanger interface {
	// ChangeOpenID maps openids of the former account, at most 100 (official), to those of
	// this one. What WeChat cannot map is left out. TokenSpent as with Follower.
	ChangeOpenID(ctx context.Context, token Secret, fromAppID string, openIDs []string) (map[string]string, error)
}

// mostChanged is how many openids WeChat maps at once (official).
const mostChanged = 100

// AccountMigrationStore is where identities become those of another account. Errors are
// StoreDown.
type AccountMigrationStore interface {
	// OpenIDsOf lists openids of an account, in order, after one; limit at most.
	OpenIDsOf(ctx context.Context, appID, after string, limit int) ([]string, error)
	// CountOpenIDs counts those of an account.
	CountOpenIDs(ctx context.Context, appID string) (int64, error)
	// MoveOpenIDs makes identities of one account those of another, in one transaction:
	// by new openid, as WeChat has mapped them. What is bound to the former account goes
	// (refresh tokens, who follows it); sessions, rights and history stay with the
	// person. An identity whose new openid has come by already stays as it is and is
	// taken; if the two are two people, they are proposed to be one. With dry nothing is
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
// the one it was moved to. What has been done is done: one that was interrupted is begun
// again, and asks about the rest.
type AccountMigration struct {
	Account   Account // that people have now
	FromAppID string
	Central   *Central
	WeChat    OpenIDChanger
	Store     AccountMigrationStore
	Now       func() time.Time
	Dry       bool // ask WeChat, and write nothing
	// Progress, if set, is told how far it is after each batch, and what became of the
	// openids of it, new by old.
	Progress func(done Migrated, changed map[string]string)
}

// Migrated is how far an account migration is.
type Migrated struct {
	Found   int64 // openids of the former account, when it began
	Moved   int64 // that are those of the new one now
	Taken   int64 // whose new openid has come by already
	Unknown int64 // that WeChat knows no new one for
}

// Asked is how many openids WeChat has been asked about.
func (m Migrated) Asked() int64 { return m.Moved + m.Taken + m.Unknown }

// Run does it. Whatever stops it, what it returns has been done.
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

// ask asks WeChat, and again after a while when it is busy for the moment.
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
