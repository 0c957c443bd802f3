package web

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// noFollowers knows of nobody.
type noFollowers struct{}

func (noFollowers) FollowingOf(context.Context, []string) ([]auth.Following, error) { return nil, nil }

func (noFollowers) FollowerAnswersOf(context.Context, []string) ([]auth.FollowerAnswer, error) {
	return nil, nil
}

// sampleFollowing is all that a person's page can say of an account.
func sampleFollowing() (all []shownFollowing) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all = append(all, shownFollowing{Account: "never"}, shownFollowing{Account: "hidden", Asked: true, Following: auth.Following{CheckedAt: noon}},
		shownFollowing{Account: "no", Asked: true, Following: auth.Following{Told: true, CheckedAt: noon}})
	for _, scene := range append([]string{"", "ADD_SCENE_OF_TOMORROW"}, auth.FollowScenes...) {
		f := auth.Follower{Follows: true, Since: noon, Scene: scene}
		all = append(all, shownFollowing{Account: "shop", Asked: true, Following: auth.Following{Told: true, Follower: f, CheckedAt: noon}})
	}
	return all
}
