package auth

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
)

// Follower says whether somebody follows (关注) an official account.
type Follower struct {
	Follows bool
	Since   time.Time // zero: they do not follow it, or WeChat did not say
	Scene   string    // how they began to follow: WeChat's ADD_SCENE_…; may be empty
}

// FollowScenes are the ways of beginning to follow an account, in WeChat's words
// (official); WeChat may add others.
var FollowScenes = []string{
	"ADD_SCENE_SEARCH", "ADD_SCENE_ACCOUNT_MIGRATION", "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_QR_CODE", "ADD_SCENE_PROFILE_LINK",
	"ADD_SCENE_PROFILE_ITEM", "ADD_SCENE_PAID", "ADD_SCENE_WECHAT_ADVERTISEMENT", "ADD_SCENE_REPRINT", "ADD_SCENE_LIVESTREAM",
	"ADD_SCENE_CHANNELS", "ADD_SCENE_WXA", "ADD_SCENE_OTHERS",
}

// Following says whether one of a person's identities follows its account.
type Following struct {
	UserID   string
	Identity Identity
	Told     bool // false: WeChat refused to say, and Follower is zero
	Follower
	CheckedAt time.Time
}

// FollowerAnswer is the answer of a Following that WeChat has given, and nothing else of it.
type FollowerAnswer struct {
	UserID, IdentityID string
	Follows            bool
}

// FollowerProvider is WeChat for one official account.
type FollowerProvider interface {
	// Follower asks whether somebody follows the account, with its access token.
	// TokenSpent when WeChat takes that no more.
	Follower(ctx context.Context, token Secret, openID string) (Follower, error)
}

// FollowerStore stores WeChat's answers. Errors are StoreDown.
type FollowerStore interface {
	// FollowingOf returns what is known about some people's identities.
	FollowingOf(ctx context.Context, userIDs []string) ([]Following, error)
	// SaveFollowing replaces what was known about an identity. It does nothing, and returns
	// no error, when the identity is no longer the person's.
	SaveFollowing(context.Context, Following) error
	// TakeLease as in RefreshStore.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
}

// How much asking may cost. WeChat allows 5,000,000 calls a day (official), which are 57 a
// second.
const (
	followerQueue  = 1024 // checks that wait; more are dropped, and the next visit asks again
	followerRate   = 20   // checks a second, of all processes together
	followerBudget = 15 * time.Second
	followerLease  = 30 * time.Second
	followerTurn   = time.Second // how often to try for a lease that another process has
	askedAgain     = 24 * time.Hour
)

// Followers asks WeChat who follows the official accounts. It does so in the background,
// after logins and visits of people who have not been checked that day, and in one process
// at a time. Its methods are safe for concurrent use, and a nil *Followers asks nothing.
type Followers struct {
	providers map[string]FollowerProvider
	central   *Central
	store     FollowerStore
	now       func() time.Time
	log       *slog.Logger
	owner     string
	limit     *rate.Limiter
	queue     *queue[wantedFollower]

	// Used by the one worker only.
	leased time.Time            // the end of this process's lease
	paused map[string]time.Time // until when an account is left alone, by AppID
}

// wantedFollower is an identity to check.
type wantedFollower struct {
	userID   string
	identity Identity
}

// FollowersConfig is what a Followers needs.
type FollowersConfig struct {
	Providers map[string]FollowerProvider // of the official accounts, by AppID
	Central   *Central
	Store     FollowerStore
	Now       func() time.Time
	Log       *slog.Logger
}

// NewFollowers makes a Followers and starts its worker. Close ends it.
func NewFollowers(c FollowersConfig) *Followers {
	f := &Followers{
		providers: c.Providers,
		central:   c.Central,
		store:     c.Store,
		now:       c.Now,
		log:       c.Log,
		owner:     NewID(),
		limit:     rate.NewLimiter(followerRate, 1),
		paused:    make(map[string]time.Time),
	}
	f.queue = newQueue(followerQueue, 1, f.look)
	return f
}

// Want queues a check of the person's identities that belong to official accounts. It
// returns at once; with a full queue it does nothing.
func (f *Followers) Want(user User) {
	if f == nil {
		return
	}
	for _, i := range user.AllIdentities() {
		if f.providers[i.AppID] != nil {
			if !f.queue.add(wantedFollower{user.ID, Identity{ID: i.ID, AppID: i.AppID, OpenID: i.OpenID}}) {
				f.log.Debug("follower check dropped: queue full", "user", user.ID)
			}
		}
	}
}

// Flush waits until no check is queued or under way.
func (f *Followers) Flush(ctx context.Context) error {
	if f == nil {
		return nil
	}
	return f.queue.flush(ctx)
}

// Close accepts no more checks, finishes those that wait, for as long as ctx lasts, and ends
// the worker.
func (f *Followers) Close(ctx context.Context) {
	if f != nil {
		f.queue.close(ctx)
	}
}

// look checks one identity. Nobody waits for the result: a failure is only logged.
func (f *Followers) look(ctx context.Context, w wantedFollower) {
	err := f.lookInTurn(ctx, w)
	if err == nil || ctx.Err() != nil {
		return
	}
	pause := time.Minute
	switch {
	case KindOf(err) == Misconfigured:
		pause = 10 * time.Minute // the operator has to fix it
	case ErrcodeOf(err) == 45009: // the quota of the day
		pause = time.Hour
	}
	f.paused[w.identity.AppID] = f.now().Add(pause)
	f.log.WarnContext(ctx, "follower checks paused", "appid", w.identity.AppID,
		"minutes", pause.Minutes(), "reason", ReasonOf(err), "errcode", ErrcodeOf(err), "address_to_put_on_the_list", SeenFrom(err), "error", err)
}

func (f *Followers) lookInTurn(ctx context.Context, w wantedFollower) error {
	defer func() {
		if f.queue.waiting() == 0 {
			f.endTurn(ctx)
		}
	}()
	// Most are known and need no lease, which costs two writes.
	if due, err := f.due(ctx, w); err != nil || !due {
		return err
	}
	if err := f.takeTurn(ctx); err != nil {
		return err
	}
	// Another process may have asked while it had the lease.
	if due, err := f.due(ctx, w); err != nil || !due {
		return err
	}
	if err := f.limit.Wait(ctx); err != nil {
		return err
	}
	return f.ask(ctx, w)
}

// due says whether an identity has to be checked now.
func (f *Followers) due(ctx context.Context, w wantedFollower) (bool, error) {
	if f.now().Before(f.paused[w.identity.AppID]) {
		return false, nil // the next visit wants it again
	}
	known, err := f.store.FollowingOf(ctx, []string{w.userID})
	if err != nil {
		return false, err
	}
	for _, was := range known {
		if was.Identity == w.identity && f.now().Sub(was.CheckedAt).Abs() < askedAgain {
			return false, nil
		}
	}
	return true, nil
}

func (f *Followers) ask(ctx context.Context, w wantedFollower) error {
	ctx, cancel := context.WithTimeout(ctx, followerBudget)
	defer cancel()
	found := Following{UserID: w.userID, Identity: w.identity}
	err := f.central.WithToken(ctx, w.identity.AppID, func(token Secret) (err error) {
		found.Follower, err = f.providers[w.identity.AppID].Follower(ctx, token, w.identity.OpenID)
		return err
	})
	found.CheckedAt, found.Told = f.now(), err == nil
	switch ReasonOf(err) {
	case NeedsLogin, PersonLimited: // about this person alone: not asked again today
		f.log.InfoContext(ctx, "follower check refused by WeChat", "user", w.userID, "appid", w.identity.AppID, "error", err)
		err = nil
	}
	if err != nil {
		return err
	}
	found.Scene = CleanText(found.Scene, maxField)
	return f.store.SaveFollowing(ctx, found)
}

// takeTurn waits until this process has the lease.
func (f *Followers) takeTurn(ctx context.Context) error {
	for {
		now := f.now()
		if now.Add(followerLease / 2).Before(f.leased) {
			return nil
		}
		mine, err := f.store.TakeLease(ctx, "followers", f.owner, now, now.Add(followerLease))
		if err != nil {
			return err
		}
		if mine {
			f.leased = now.Add(followerLease)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followerTurn):
		}
	}
}

// endTurn releases the lease.
func (f *Followers) endTurn(ctx context.Context) {
	if f.leased.IsZero() {
		return
	}
	f.leased = time.Time{}
	if _, err := f.store.TakeLease(ctx, "followers", f.owner, f.now(), f.now()); err != nil && ctx.Err() == nil {
		f.log.WarnContext(ctx, "lease not released; it expires by itself", "job", "followers", "error", err)
	}
}
