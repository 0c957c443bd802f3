package web

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// FollowerReader is what is known of who follows the official accounts.
type FollowerReader interface {
	FollowingOf(ctx context.Context, userIDs []string) ([]auth.Following, error)
	// FollowerAnswersOf is as much of it as lists and exports of many people tell.
	FollowerAnswersOf(ctx context.Context, userIDs []string) ([]auth.FollowerAnswer, error)
}

// consentVersion is that of the text as it is shown here.
func (s *Server) consentVersion() string {
	if s.config.Following != nil {
		return ConsentVersion + "-followers" // which has one line more
	}
	return ConsentVersion
}

// answers are those that WeChat has given, by person and identity.
type answers map[[2]string]bool

// answersOf reads them of some people; nil where nobody asks WeChat.
func (s *Server) answersOf(ctx context.Context, users ...auth.User) (answers, error) {
	if s.config.Following == nil {
		return nil, nil
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	all, err := s.config.Following.FollowerAnswersOf(ctx, ids)
	known := make(answers, len(all))
	for _, a := range all {
		known[[2]string{a.UserID, a.IdentityID}] = a.Follows
	}
	return known, err
}

// subscribed says whether somebody follows the account of an identity; nil where that is
// not known.
func (a answers) subscribed(userID, identityID string) *bool {
	if follows, ok := a[[2]string{userID, identityID}]; ok {
		return &follows
	}
	return nil
}

// personJSON is a person as userJSON shows them, and which of the accounts they follow;
// with an error, without that.
func (s *Server) personJSON(ctx context.Context, u auth.User) (userJSON, error) {
	all, err := s.peopleJSON(ctx, []auth.User{u})
	return all[0], err
}

func (s *Server) peopleJSON(ctx context.Context, users []auth.User) ([]userJSON, error) {
	all := make([]userJSON, len(users))
	for i, u := range users {
		all[i] = s.userJSON(u)
	}
	known, err := s.answersOf(ctx, users...)
	if err != nil || known == nil {
		return all, err
	}
	for i, u := range users {
		all[i].Subscribed = new(known.subscribed(u.ID, u.IdentityID))
		for n, identity := range u.AllIdentities() {
			all[i].Identities[n].Subscribed = new(known.subscribed(u.ID, identity.ID))
		}
	}
	return all, nil
}

// subscribedClaim adds to the claim wechat whether the person follows the account, if
// that is known. A database that does not answer is no reason to refuse who they are.
func (s *Server) subscribedClaim(ctx context.Context, claim map[string]any, u *auth.User) {
	known, err := s.answersOf(ctx, *u)
	if err != nil {
		s.log.WarnContext(ctx, "an application is not told who follows the account", "user", u.ID, "error", err)
		return
	}
	if subscribed := known.subscribed(u.ID, u.IdentityID); subscribed != nil {
		claim["subscribed"] = *subscribed
	}
}

// shownFollowing is one official account on a person's page.
type shownFollowing struct {
	Account string
	Asked   bool // WeChat, at any time
	auth.Following
}

// Known says that WeChat has a word for how they came to follow.
func (f shownFollowing) Known() bool { return slices.Contains(auth.FollowScenes, f.Scene) }

// shownFollowings are those of a person's identities that are of an official account.
func (s *Server) shownFollowings(ctx context.Context, u auth.User) (shown []shownFollowing, err error) {
	if s.config.Following == nil {
		return nil, nil
	}
	all, err := s.config.Following.FollowingOf(ctx, []string{u.ID})
	if err != nil {
		return nil, err
	}
	known := make(map[string]auth.Following, len(all))
	for _, f := range all {
		known[f.Identity.ID] = f
	}
	for _, i := range u.AllIdentities() {
		if account := s.rules.Account(i.AppID); account.Kind == auth.OfficialAccount {
			f, asked := known[i.ID]
			shown = append(shown, shownFollowing{Account: account.Name, Asked: asked, Following: f})
		}
	}
	return shown, nil
}

// userFilters are those that the list of people offers: who follows is known where
// somebody asks.
func (s *Server) userFilters() []admin.Filter {
	if s.config.Following != nil {
		return admin.Filters
	}
	return slices.DeleteFunc(slices.Clone(admin.Filters), func(f admin.Filter) bool {
		return f == admin.FilterSubscribed || f == admin.FilterUnsubscribed
	})
}

// followingJSON is what is stored of it, for an export.
type followingJSON struct {
	identityJSON
	Scene     string     `json:"subscribe_scene"`
	Since     *time.Time `json:"subscribe_time"`
	CheckedAt time.Time  `json:"checked_at"`
}

func (s *Server) newFollowingJSON(all []auth.Following) []followingJSON {
	list := []followingJSON{}
	for _, f := range all {
		j := followingJSON{s.identityJSON(f.Identity), f.Scene, maybeTime(f.Since), inSeconds(f.CheckedAt)}
		var subscribed *bool
		if f.Told {
			subscribed = &f.Follows
		}
		j.Subscribed = &subscribed
		list = append(list, j)
	}
	return list
}
