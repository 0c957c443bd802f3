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
	Since   time.Time // zero: they do not, or WeChat did not tell
	Scene   string    // how they came to: WeChat's ADD_SCENE_…; may be empty
}

// FollowScenes are how one comes to follow an account, in WeChat's words (official);
// others may come.
var FollowScenes = []string{
	"ADD_SCENE_SEARCH", "ADD_SCENE_ACCOUNT_MIGRATION", "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_QR_CODE", "ADD_SCENE_PROFILE_LINK",
	"ADD_SCENE_PROFILE_ITEM", "ADD_SCENE_PAID", "ADD_SCENE_WECHAT_ADVERTISEMENT", "ADD_SCENE_REPRINT", "ADD_SCENE_LIVESTREAM",
	"ADD_SCENE_CHANNELS", "ADD_SCENE_WXA", "ADD_SCENE_OTHERS",
}

// Following is what is known of one of a person's identities.
type Following struct {
	UserID   string
	Identity Identity
	Told     bool // else WeChat did not want to tell, and Follower is zero
	Follower
	CheckedAt time.Time
}

// FollowerAnswer is of a Following no more than the answer, which WeChat has given.
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

// FollowerStore is where it is written down. Errors are StoreDown.
type FollowerStore interface {
	// FollowingOf is what is known of some people's identities.
	FollowingOf(ctx context.Context, userIDs []string) ([]Following, error)
	// SaveFollowing puts it in the place of what was known. It does nothing, and that is
	// no error, when the identity is not the person's any more.
	SaveFollowing(context.Context, Following) error
	// TakeLease as in RefreshStore.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
}

// How much asking may cost. WeChat takes 5,000,000 questions a day (official), which
// are 57 a second.
const (
	followerQueue  = 1024 // waiting; more are dropped, and the next visit asks again
	followerRate   = 20   // a second, of all processes
	followerBudget = 15 * time.Second
	followerLease  = 30 * time.Second
	followerTurn   = time.Second // how often it is looked whether another process has come to its end
	askedAgain     = 24 * time.Hour
)

// Followers asks WeChat who follows the official accounts, in the background: behind
// the logins and visits of people of whom it was not asked that day, and in one process
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

	// Of the one worker.
	leased time.Time            // until when it is this process's turn
	paused map[string]time.Time // when an account is asked about again, by AppID
}

// wantedFollower is an identity of somebody.
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

// Want has WeChat asked about the identities of a person that are of an official
// account. It returns at once; with a full queue it does nothing.
func (f *Followers) Want(user User) {
	if f == nil {
		return
	}
	for _, i := range user.AllIdentities() {
		if f.providers[i.AppID] != nil {
			if !f.queue.add(wantedFollower{user.ID, Identity{ID: i.ID, AppID: i.AppID, OpenID: i.OpenID}}) {
				f.log.Debug("it is not asked now whether somebody follows the account: too many are waiting", "user", user.ID)
			}
		}
	}
}

// Flush waits until nothing is waiting or under way.
func (f *Followers) Flush(ctx context.Context) error {
	if f == nil {
		return nil
	}
	return f.queue.flush(ctx)
}

// Close takes no more, finishes what is waiting for as long as ctx lasts, and ends the
// worker.
func (f *Followers) Close(ctx context.Context) {
	if f != nil {
		f.queue.close(ctx)
	}
}

// look does one piece of work. Nobody waits for what comes of it: it is only logged.
func (f *Followers) look(ctx context.Context, w wantedFollower) {
	err := f.lookInTurn(ctx, w)
	if err == nil || ctx.Err() != nil {
		return
	}
	pause := time.Minute
	switch {
	case KindOf(err) == Misconfigured:
		pause = 10 * time.Minute // until somebody has done something
	case ErrcodeOf(err) == 45009: // the quota of the day
		pause = time.Hour
	}
	f.paused[w.identity.AppID] = f.now().Add(pause)
	f.log.WarnContext(ctx, "WeChat was not asked who follows the account; it is left alone for a while", "appid", w.identity.AppID,
		"minutes", pause.Minutes(), "reason", ReasonOf(err), "errcode", ErrcodeOf(err), "address_to_put_on_the_list", SeenFrom(err), "error", err)
}

func (f *Followers) lookInTurn(ctx context.Context, w wantedFollower) error {
	defer func() {
		if f.queue.waiting() == 0 {
			f.endTurn(ctx)
		}
	}()
	// Most are known, and need no turn, which is two writes.
	if due, err := f.due(ctx, w); err != nil || !due {
		return err
	}
	if err := f.takeTurn(ctx); err != nil {
		return err
	}
	// Another process may have asked in its turn.
	if due, err := f.due(ctx, w); err != nil || !due {
		return err
	}
	if err := f.limit.Wait(ctx); err != nil {
		return err
	}
	return f.ask(ctx, w)
}

// due says whether to ask about an identity now.
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
	case NeedsLogin, PersonLimited: // it is about the person, and not asked again today
		f.log.InfoContext(ctx, "WeChat did not tell whether somebody follows the account", "user", w.userID, "appid", w.identity.AppID, "error", err)
		err = nil
	}
	if err != nil {
		return err
	}
	found.Scene = CleanText(found.Scene, maxField)
	return f.store.SaveFollowing(ctx, found)
}

// takeTurn waits until no other process is at it.
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

// endTurn lets others have theirs.
func (f *Followers) endTurn(ctx context.Context) {
	if f.leased.IsZero() {
		return
	}
	f.leased = time.Time{}
	if _, err := f.store.TakeLease(ctx, "followers", f.owner, f.now(), f.now()); err != nil && ctx.Err() == nil {
		f.log.WarnContext(ctx, "a lease was not given back, and ends by itself", "job", "followers", "error", err)
	}
}
