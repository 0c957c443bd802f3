package auth

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"
)

// How profiles are refreshed between logins.
const (
	// freshFor is the age at which a profile is fetched again: well within the 30 days that
	// a refresh_token lives (official), so that there is time for several retries.
	freshFor = 7 * 24 * time.Hour
	// fetchSoon is when to fetch a profile that did not come with its login.
	fetchSoon = time.Minute
	// retryAfter is when to retry a profile that could not be fetched.
	retryAfter = time.Hour
	// leaseFor is how long a lease keeps other processes from refreshing. The process that
	// has it renews it after each leaseAgain of work: renewing it for every person would be
	// a third of all writes of a refresh.
	leaseFor   = 3 * time.Minute
	leaseAgain = time.Minute
	// refreshRate is how many profiles are fetched a second. WeChat allows 50,000 calls a
	// minute (official); there is no hurry.
	refreshRate = 5
	// refreshBudget is for one person: two calls to WeChat and a write.
	refreshBudget = 15 * time.Second
)

// TokenID names a stored refresh_token by its person and its identity; IdentityID is empty
// for the first identity.
type TokenID struct{ UserID, IdentityID string }

// SaveRefresh is what a refresh writes.
type SaveRefresh struct {
	TokenID
	Profile Profile
	UnionID string // of the identity; empty keeps the stored one
	// WasUnionID is the stored one.
	WasUnionID string
	// Token replaces Was, unless a login has stored another since.
	Was, Token Secret
	At         time.Time
	DueAt      time.Time // of the next refresh
}

// RefreshStore stores refreshes. Errors are StoreDown unless said otherwise.
type RefreshStore interface {
	// TakeLease takes the lease of a job for owner until ends, and says whether it did.
	// Its owner may take it again, to renew it. Another owner's lease that ends more than
	// ClockSkew after ends does not count: a wrong clock has made it.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
	// NextDue returns a token whose profile is due and postpones the next try to again, in
	// one step: no other process gets it, and it is not lost if this one dies. The zero
	// TokenID when none is due. Blocked people are never due.
	NextDue(ctx context.Context, now, again time.Time) (TokenID, error)
	// TokensOf lists a person's tokens, that of the first identity first.
	TokensOf(ctx context.Context, userID string) ([]TokenID, error)
	// RefreshToken opens a token. NeedsLogin when it is missing or unusable.
	RefreshToken(context.Context, TokenID) (Secret, error)
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (User, error)
	// UserBy returns a person, by the identity of a token. NoSuchUser when the person or
	// the identity no longer exists.
	UserBy(context.Context, TokenID) (User, error)
	// SaveRefresh writes the profile and the token. NoSuchUser when the person has been
	// erased, or no longer has the identity.
	SaveRefresh(context.Context, SaveRefresh) error
	// MarkDead marks a token as dead, unless a login has stored another since.
	MarkDead(ctx context.Context, id TokenID, was Secret, reason string) error
	// ResealTokens reseals some tokens of older keys with the newest key, marks those that
	// no key opens as dead, and returns how many it has done; 0 when none is left.
	ResealTokens(ctx context.Context) (int64, error)
}

// RefreshProvider is what refreshing needs from WeChat.
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
	owner     string // names this process in leases
	limit     *rate.Limiter

	// Sleep waits between two people, until ctx ends. A test moves its clock instead.
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

// RunOnce reseals tokens of older keys and fetches all profiles that are due, unless another
// process is doing so. Call it every minute or so; no visit waits for it.
func (r *Refresher) RunOnce(ctx context.Context) error {
	for taken := (time.Time{}); ; {
		// After the clock was set back, the lease lies in the future. Only the wall clock
		// shows that, and leases end by it: Round strips the monotonic clock.
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

// next fetches one profile that is due. It fails only for reasons that concern everybody.
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

// Refresh fetches one person's profile now, with the first of their tokens that works, and
// returns the person as updated. NeedsLogin when only a login of theirs helps, NoSuchUser
// when there is no such person.
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
		r.log.WarnContext(ctx, "unionid of an identity changed; no join made or undone", "user", user.ID, "appid", user.AppID)
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

// deathOf returns the reason that is stored with a dead token; WeChat's own words are in the
// log.
func deathOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Cause != nil {
		return e.Cause.Error()
	}
	return string(ReasonOf(err))
}

// NextFetch returns when a profile is due next, after a login or a refresh. arrived says
// whether that one brought a profile. The times are spread, so that a day with many
// logins does not lead to a day with many refreshes a week later.
func NextFetch(at time.Time, arrived bool) time.Time {
	if !arrived {
		return at.Add(fetchSoon)
	}
	return at.Add(jitter(freshFor))
}

// jitter returns d, plus or minus up to a fifth.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5)
}
