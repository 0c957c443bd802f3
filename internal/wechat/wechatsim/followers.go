package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// follower is somebody who follows an official account.
type follower struct {
	since time.Time
	scene string
}

// scenes are the ways in which people come to follow an account (official).
var scenes = []string{
	"ADD_SCENE_SEARCH", "ADD_SCENE_ACCOUNT_MIGRATION", "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_QR_CODE", "ADD_SCENE_PROFILE_LINK",
	"ADD_SCENE_PROFILE_ITEM", "ADD_SCENE_PAID", "ADD_SCENE_WECHAT_ADVERTISEMENT", "ADD_SCENE_REPRINT", "ADD_SCENE_LIVESTREAM",
	"ADD_SCENE_CHANNELS", "ADD_SCENE_WXA", "ADD_SCENE_OTHERS",
}

// Follow makes a person follow an official account from now on. It panics for an unknown
// key, AppID or scene, which is a mistake of the caller.
func (s *Simulator) Follow(appID, personKey, scene string) {
	p, a := s.mustPerson(personKey), s.mustApp(appID)
	if !slices.Contains(scenes, scene) {
		panic("wechatsim: no scene " + scene)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.follows[p.Key] = follower{since: s.cfg.Now(), scene: scene}
}

// Unfollow makes a person stop following an official account.
func (s *Simulator) Unfollow(appID, personKey string) {
	p, a := s.mustPerson(personKey), s.mustApp(appID)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(a.follows, p.Key)
}

// follower answers GET /cgi-bin/user/info. For people who do not follow, the answer has the
// openid alone (official); it has no nickname and picture since 2021-12-27 (official).
func (s *Simulator) follower(r *http.Request) reply {
	a, call, ok := s.withCentral(r)
	if !ok {
		return call
	}
	openID := r.URL.Query().Get("openid")
	fail := func(errcode int) reply {
		rep := s.apiError(errcode)
		rep.secret, rep.appID = call.secret, call.appID
		return rep
	}
	switch {
	case a.Kind != OfficialAccount:
		return fail(48001)
	case openID == "":
		return fail(41009)
	}
	p, ok := s.personWith(a, openID)
	if !ok {
		return fail(40003)
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.followerQuotas.full(dayOf(now), s.cfg.Quotas.FollowerDay) {
		return fail(45009)
	}
	f, follows := a.follows[p.Key]
	var o object
	if !follows {
		o.number("subscribe", 0)
		o.text("openid", openID)
	} else {
		o.number("subscribe", 1)
		o.text("openid", openID)
		o.text("nickname", "")
		o.number("sex", 0)
		o.text("language", p.Language)
		o.text("city", "")
		o.text("province", "")
		o.text("country", "")
		o.text("headimgurl", "")
		o.number("subscribe_time", int(f.since.Unix()))
		if unionID := a.unionID(p); unionID != "" {
			o.text("unionid", unionID)
		}
		o.text("remark", "")
		o.number("groupid", 0)
		o.list("tagid_list", nil)
		o.text("subscribe_scene", f.scene)
		o.number("qr_scene", 0)
		o.text("qr_scene_str", "")
	}
	rep := centralDone(call, o.bytes())
	rep.person = p.Key
	return rep
}

// postFollower answers POST /_sim/followers.
func (s *Simulator) postFollower(r *http.Request) (any, error) {
	in := struct {
		AppID     string `json:"appid"`
		Person    string `json:"person"`
		Scene     string `json:"scene"`
		Subscribe bool   `json:"subscribe"`
	}{AppID: s.cfg.AppID, Scene: "ADD_SCENE_QR_CODE", Subscribe: true}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	a, known := s.app(in.AppID)
	switch _, ok := s.person(in.Person); {
	case !ok:
		return nil, fmt.Errorf("nobody has the key %q", in.Person)
	case !known || a.Kind != OfficialAccount:
		return nil, fmt.Errorf("%q is no official account's AppID", in.AppID)
	case !slices.Contains(scenes, in.Scene):
		return nil, errors.New("no such scene")
	case in.Subscribe:
		s.Follow(in.AppID, in.Person, in.Scene)
	default:
		s.Unfollow(in.AppID, in.Person)
	}
	return nil, nil
}
