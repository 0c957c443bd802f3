package web

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// FollowerReader reads who follows the official accounts.
type FollowerReader interface {
	FollowingOf(ctx context.Context, userIDs []string) ([]auth.Following, error)
	// FollowerAnswersOf reads only what lists and exports of many people contain.
	FollowerAnswersOf(ctx context.Context, userIDs []string) ([]auth.FollowerAnswer, error)
}

// answers are WeChat's answers about who follows, by person and identity.
type answers map[[2]string]bool

// answersOf reads the answers about some people; nil if WeChat is not asked.
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

// subscribed says whether a person follows the account of an identity; nil if that is not
// known.
func (a answers) subscribed(userID, identityID string) *bool {
	if follows, ok := a[[2]string{userID, identityID}]; ok {
		return &follows
	}
	return nil
}

// personJSON returns a person with the accounts that they follow; with an error, without
// these.
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

// subscribedClaim adds to the claim wechat whether the person follows the account, if that is
// known. If the database does not answer, the other claims are still given.
func (s *Server) subscribedClaim(ctx context.Context, claim map[string]any, u *auth.User) {
	known, err := s.answersOf(ctx, *u)
	if err != nil {
		s.log.WarnContext(ctx, "claim subscribed left out", "user", u.ID, "error", err)
		return
	}
	if subscribed := known.subscribed(u.ID, u.IdentityID); subscribed != nil {
		claim["subscribed"] = *subscribed
	}
}

// shownFollowing is one official account on a person's page.
type shownFollowing struct {
	Account string
	Asked   bool // WeChat has been asked at some time
	auth.Following
}

// Known says whether there is a text for how the person began to follow.
func (f shownFollowing) Known() bool { return slices.Contains(auth.FollowScenes, f.Scene) }

// shownFollowings returns the official accounts in which a person has an identity, and
// whether they follow them.
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

// followingJSON is a Following in an export of personal data.
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
