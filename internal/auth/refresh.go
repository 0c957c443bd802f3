package auth

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"
)

// How profiles are kept fresh without their people.
const (
	// freshFor is how old a profile grows before it is fetched again: well inside
	// the 30 days that a refresh_token lives (official), so that one that fails
	// for a while gets several more tries.
	freshFor = 7 * 24 * time.Hour
	// fetchSoon is when a profile is fetched that did not come with its login.
	fetchSoon = time.Minute
	// retryAfter is when one is tried again that could not be fetched.
	retryAfter = time.Hour
	// leaseFor is how long the process that is at it keeps the others off. It takes the
	// lease again after each leaseAgain of work: a write of its own for every person would
	// be a third of all that refreshing writes.
	leaseFor   = 3 * time.Minute
	leaseAgain = time.Minute
	// refreshRate is how many people a second are fetched. WeChat allows 50,000
	// calls a minute (official); there is no hurry.
	refreshRate = 5
	// refreshBudget is for one person: two calls to WeChat and a write.
	refreshBudget = 15 * time.Second
)

// TokenID names a stored refresh_token: by its person, and by the identity that it is
// of; empty for the first.
type TokenID struct{ UserID, IdentityID string }

// SaveRefresh is what a refresh writes.
type SaveRefresh struct {
	TokenID
	Profile Profile
	UnionID string // of the identity; empty keeps the one stored
	// WasUnionID is the one that was stored.
	WasUnionID string
	// Token takes the place of Was, unless a login has brought another since.
	Was, Token Secret
	At         time.Time
	DueAt      time.Time // of the next
}

// RefreshStore is where refreshes are written down. Errors are StoreDown unless
// said otherwise.
type RefreshStore interface {
	// TakeLease makes owner the one process that does a job until ends, and says
	// whether it is. Its holder may take the lease again, to keep it. A lease of another
	// owner that ends later than ends, by more than ClockSkew, does not count.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
	// NextDue returns a token by which a profile is due to be fetched and puts the next
	// try off to again, in one step: nobody else gets it, and none is lost with a
	// process that dies. The zero TokenID when none is due. Those of blocked people are
	// not.
	NextDue(ctx context.Context, now, again time.Time) (TokenID, error)
	// TokensOf lists a person's tokens, that of the first identity first.
	TokensOf(ctx context.Context, userID string) ([]TokenID, error)
	// RefreshToken opens a token. NeedsLogin when it is not there or of no use.
	RefreshToken(context.Context, TokenID) (Secret, error)
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (User, error)
	// UserBy returns a person by the identity that a token is of. NoSuchUser when the
	// person or the identity is gone.
	UserBy(context.Context, TokenID) (User, error)
	// SaveRefresh writes the profile and the token. NoSuchUser when the person has
	// been erased, or the identity is not theirs any more.
	SaveRefresh(context.Context, SaveRefresh) error
	// MarkDead notes that a token is good for nothing more, unless a login has
	// brought another since.
	MarkDead(ctx context.Context, id TokenID, was Secret, reason string) error
	// ResealTokens seals some tokens of older keys with the newest and returns how
	// many; those that no key opens are marked dead. 0 when all is done.
	ResealTokens(ctx context.Context) (int64, error)
}

// RefreshProvider is what refreshing needs of WeChat.
type RefreshProvider interface {
	// Refresh gets a new access token. NeedsLogin when the refresh_token is dead.
	Refresh(ctx context.Context, refreshToken Secret) (TokenAnswer, error)
	Userinfo(ctx context.Context, answer TokenAnswer) (Userinfo, error)
}

// Refresher fetches profiles again with the stored refresh_tokens.
type Refresher struct {
	providers map[string]RefreshProvider
	store     RefreshStore
	pictures  *Pictures
	now       func() time.Time
	log       *slog.Logger
	owner     string // this process, among those of one database
	limit     *rate.Limiter

	// Sleep waits between two people, until ctx ends. Who plays the time moves it on
	// instead.
	Sleep func(ctx context.Context, d time.Duration) error
}

// RefresherConfig is what a Refresher needs.
type RefresherConfig struct {
	Providers map[string]RefreshProvider // by AppID: a token is one account's (official)
	Store     RefreshStore
	Pictures  *Pictures // nil: none are copied
	Now       func() time.Time
	Log       *slog.Logger
}

// NewRefresher makes a Refresher.
func NewRefresher(c RefresherConfig) *Refresher {
	return &Refresher{
		providers: c.Providers,
		store:     c.Store,
		pictures:  c.Pictures,
		now:       c.Now,
		log:       c.Log,
		owner:     NewID(),
		limit:     rate.NewLimiter(refreshRate, 1),
		Sleep:     sleep,
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RunOnce reseals what an old key has sealed and fetches all that is due,
// unless another process is at it. Call it every minute or so; no visit waits for it.
func (r *Refresher) RunOnce(ctx context.Context) error {
	for taken := (time.Time{}); ; {
		// A clock that was set back makes a lease of a time to come. That shows in the
		// time of the wall alone, by which leases end.
		if now := r.now().Round(0); taken.IsZero() || now.Before(taken) || now.Sub(taken) >= leaseAgain {
			mine, err := r.store.TakeLease(ctx, "refresh", r.owner, now, now.Add(leaseFor))
			if err != nil || !mine {
				return err
			}
			taken = now
		}
		resealed, err := r.store.ResealTokens(ctx)
		if err != nil {
			return err
		}
		more, err := r.next(ctx)
		if err != nil || !more && resealed == 0 {
			return err
		}
	}
}

// next fetches one person who is due. It fails only for what concerns everybody.
func (r *Refresher) next(ctx context.Context) (more bool, err error) {
	now := r.now()
	if wait := r.limit.ReserveN(now, 1).DelayFrom(now); wait > 0 {
		if err := r.Sleep(ctx, wait); err != nil {
			return false, err
		}
		now = r.now()
	}
	id, err := r.store.NextDue(ctx, now, now.Add(jitter(retryAfter)))
	if err != nil || id == (TokenID{}) {
		return false, err
	}
	err = r.refresh(ctx, id)
	switch ReasonOf(err) {
	case WeChatRefused, WeChatBusy, StoreDown:
		return false, err
	}
	if err != nil {
		r.log.InfoContext(ctx, "profile was not refreshed", "user", id.UserID, "reason", ReasonOf(err), "error", err)
	}
	return true, nil
}

// Refresh fetches one person's profile now, by the first of their tokens that is of
// use, and returns them as they are then. NeedsLogin when only a login of theirs helps,
// NoSuchUser when there is nobody.
func (r *Refresher) Refresh(ctx context.Context, userID string) (User, error) {
	if _, err := r.store.User(ctx, userID); err != nil {
		return User{}, err
	}
	ids, err := r.store.TokensOf(ctx, userID)
	if err == nil {
		err = Failf(NeedsLogin, "no refresh token of user %s", userID)
	}
	for _, id := range ids {
		if err = r.refresh(ctx, id); ReasonOf(err) != NeedsLogin {
			break
		}
	}
	if err != nil {
		return User{}, err
	}
	return r.store.User(ctx, userID)
}

func (r *Refresher) refresh(ctx context.Context, id TokenID) error {
	ctx, cancel := context.WithTimeout(ctx, refreshBudget)
	defer cancel()
	user, err := r.store.UserBy(ctx, id)
	if err != nil {
		return err
	}
	token, err := r.store.RefreshToken(ctx, id)
	if err != nil {
		return err
	}
	answer, info, err := r.fetch(ctx, user, token)
	if ReasonOf(err) == NeedsLogin {
		return errors.Join(err, r.store.MarkDead(ctx, id, token, deathOf(err)))
	}
	if err != nil {
		return err
	}
	if Changed(user.UnionID, info.UnionID) {
		r.log.WarnContext(ctx, "the unionid of an identity has changed; nobody is joined or parted by that", "user", user.ID, "appid", user.AppID)
	}
	at := r.now()
	save := SaveRefresh{
		TokenID:    id,
		Profile:    info.Profile.Clean(),
		UnionID:    info.UnionID,
		WasUnionID: user.UnionID,
		Was:        token,
		Token:      answer.RefreshToken,
		At:         at,
		DueAt:      NextFetch(at, true),
	}
	if save.Token == "" {
		save.Token = token
	}
	if err := r.store.SaveRefresh(ctx, save); err != nil {
		return err
	}
	r.pictures.Want(id.UserID, save.Profile.AvatarURL)
	return nil
}

func (r *Refresher) fetch(ctx context.Context, user User, token Secret) (TokenAnswer, Userinfo, error) {
	provider := r.providers[user.AppID]
	if provider == nil {
		return TokenAnswer{}, Userinfo{}, Failf(NoSuchAccount, "the token is of an account that is not configured")
	}
	answer, err := provider.Refresh(ctx, token)
	if err != nil {
		return TokenAnswer{}, Userinfo{}, err
	}
	if answer.OpenID != user.OpenID {
		return TokenAnswer{}, Userinfo{}, Failf(IdentityClash, "the refresh is about another openid than the token's person")
	}
	info, err := provider.Userinfo(ctx, answer)
	if err == nil && info.OpenID != user.OpenID {
		err = Failf(IdentityClash, "userinfo is about another openid than the token's person")
	}
	return answer, info, err
}

// deathOf is what is noted of a dead token: WeChat's own words are in the log.
func deathOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Cause != nil {
		return e.Cause.Error()
	}
	return string(ReasonOf(err))
}

// NextFetch is when a profile is due next, after a login or a refresh that did
// or did not bring one. Spread out, so that a day with many logins is not a day
// with many refreshes a week later.
func NextFetch(at time.Time, arrived bool) time.Time {
	if !arrived {
		return at.Add(fetchSoon)
	}
	return at.Add(jitter(freshFor))
}

// jitter gives d, more or less a fifth.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5)
}
