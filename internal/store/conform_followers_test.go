package store_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// wantFollows writes down what WeChat has told of an identity.
func (w *world) wantFollows(user auth.User, told, follows bool) auth.Following {
	w.t.Helper()
	f := auth.Following{UserID: user.ID, Identity: auth.Identity{ID: user.IdentityID, AppID: user.AppID, OpenID: user.OpenID}, Told: told, CheckedAt: w.clock.now()}
	if follows {
		f.Follower = auth.Follower{Follows: true, Since: w.clock.ago(time.Hour), Scene: "ADD_SCENE_SEARCH"}
	}
	if err := w.SaveFollowing(w.ctx, f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

var followerPromises = map[string]func(*world){
	"what WeChat tells of an identity takes the place of what it told before": func(w *world) {
		user, _ := w.visitor("o1")
		other, _ := w.visitor("o2")
		for _, told := range []struct{ told, follows bool }{{true, true}, {true, false}, {false, false}, {true, true}} {
			want := w.wantFollows(user, told.told, told.follows)
			got := must(w.FollowingOf(w.ctx, []string{user.ID, other.ID}))(w.t)
			if diff := cmp.Diff([]auth.Following{want}, got); diff != "" {
				w.t.Error(diff)
			}
			answers := []auth.FollowerAnswer{}
			if told.told {
				answers = append(answers, auth.FollowerAnswer{UserID: user.ID, Follows: told.follows})
			}
			if diff := cmp.Diff(answers, must(w.FollowerAnswersOf(w.ctx, []string{other.ID, user.ID}))(w.t)); diff != "" {
				w.t.Error(diff)
			}
			w.clock.pass(time.Hour)
		}
		if got := must(w.FollowingOf(w.ctx, nil))(w.t); len(got) != 0 {
			w.t.Errorf("of nobody: %v", got)
		}
	},
	"of an identity that is not the person's nothing is kept": func(w *world) {
		user, _ := w.visitor("o1")
		other := w.comes(websiteID, "oPC", "")
		for _, i := range []auth.Identity{{AppID: appID, OpenID: "o2"}, {AppID: websiteID, OpenID: "o1"}, {ID: other.User.ID, AppID: websiteID, OpenID: "oPC"}} {
			if err := w.SaveFollowing(w.ctx, auth.Following{UserID: user.ID, Identity: i, Told: true, CheckedAt: w.clock.now()}); err != nil {
				w.t.Error(err)
			}
		}
		if err := w.SaveFollowing(w.ctx, auth.Following{UserID: "nobody", Identity: auth.Identity{AppID: appID, OpenID: "o1"}, CheckedAt: w.clock.now()}); err != nil {
			w.t.Error(err)
		}
		w.wantRows("followers", 0)
	},
	"whom somebody follows goes with a join and comes back with its undo": func(w *world) {
		kept, other, further, _ := w.twoPeople()
		w.wantFollows(kept.User, true, false)
		w.wantFollows(other.User, true, true)
		w.wantFollows(further.User, true, false)
		before := w.whole()
		w.wantJoined(kept.User, other.User)
		got := must(w.FollowingOf(w.ctx, []string{kept.User.ID}))(w.t)
		slices.SortFunc(got, func(a, b auth.Following) int { return strings.Compare(a.Identity.OpenID, b.Identity.OpenID) })
		if len(got) != 3 || got[0].Identity.OpenID != "oFurther" || got[1].Identity.OpenID != "oKept" || got[2].Identity.OpenID != "oOther" || !got[2].Follows || got[0].Follows {
			w.t.Errorf("%+v", got)
		}
		if d := must(w.personalData(kept.User.ID))(w.t); len(d.Following) != 3 {
			w.t.Errorf("the export has %+v", d.Following)
		}
		if err := w.undoes(other.User.ID); err != nil {
			w.t.Fatal(err)
		}
		if diff := cmp.Diff(before["followers"], w.whole()["followers"]); diff != "" {
			w.t.Error(diff)
		}
		for _, id := range []string{kept.User.ID, other.User.ID} {
			if err := w.EraseUser(w.ctx, id, nil, w.event(admin.ActErase, id)); err != nil {
				w.t.Fatal(err)
			}
		}
		w.wantRows("followers", 0)
	},
	"people are filtered by whether they follow one account, or none": func(w *world) {
		// By one account, by two of which they follow one, by two and none, not told, not asked.
		one, _ := w.visitor("one")
		w.wantFollows(one, true, true)
		both := w.comes(websiteID, "both", union1)
		shop := w.comes(shopID, "bothShop", union1)
		w.wantFollows(both.User, true, false)
		w.wantFollows(shop.User, true, true)
		none := w.comes(websiteID, "none", union2)
		noneShop := w.comes(shopID, "noneShop", union2)
		w.wantFollows(none.User, true, false)
		w.wantFollows(noneShop.User, true, false)
		hidden, _ := w.visitor("hidden")
		w.wantFollows(hidden, false, false)
		w.visitor("unasked")
		for filter, want := range map[admin.Filter][]string{admin.FilterSubscribed: {"both", "one"}, admin.FilterUnsubscribed: {"none"}} {
			for _, sort := range admin.Sorts {
				q := admin.UserQuery{Filter: filter, Sort: sort, Total: true}
				page := must(w.Users(w.ctx, q))(w.t)
				got := openIDs(page.Users)
				slices.Sort(got)
				if !slices.Equal(got, want) || page.Total != (admin.Total{N: int64(len(want))}) {
					w.t.Errorf("%s, %s: %v of %v, want %v", filter, sort, got, page.Total, want)
				}
				if n := must(w.CountUsers(w.ctx, q))(w.t); n != int64(len(want)) {
					w.t.Errorf("%s counts %d", filter, n)
				}
			}
		}
		if got := openIDs(must(w.Users(w.ctx, admin.UserQuery{Filter: admin.FilterSubscribed, Search: "one"}))(w.t).Users); !slices.Equal(got, []string{"one"}) {
			w.t.Errorf("with a search: %v", got)
		}
	},
}
