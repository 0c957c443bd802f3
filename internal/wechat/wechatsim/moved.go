package wechatsim

import (
	"encoding/json"
	"net/http"
	"time"
)

const (
	movedFor    = 15 * 24 * time.Hour // how long openids are mapped (official)
	mostChanged = 100                 // openids a call (official)
)

// changeOpenID answers POST /cgi-bin/changeopenid: the openids that people of a former
// account have with this one (公众号迁移, official). The errcodes for a wrong former account
// and for more than a hundred openids are inferred; an unknown openid has its own err_msg
// (official).
func (s *Simulator) changeOpenID(r *http.Request) reply {
	a, call, ok := s.withCentral(r)
	if !ok {
		return call
	}
	var in struct {
		FromAppID string   `json:"from_appid"`
		OpenIDs   []string `json:"openid_list"`
	}
	fail := func(errcode int, parameter string) reply {
		rep := s.apiError(errcode)
		rep.secret, rep.appID, rep.parameter = call.secret, call.appID, parameter
		return rep
	}
	switch {
	case !readPosted(r, &in):
		return fail(47001, "")
	case a.FormerAppID == "" || in.FromAppID != a.FormerAppID || s.cfg.Now().Sub(a.MovedAt) > movedFor:
		return fail(63178, "from_appid")
	case len(in.OpenIDs) == 0 || len(in.OpenIDs) > mostChanged:
		return fail(40003, "openid_list")
	}
	former := s.formerOpenIDs(a)
	type result struct {
		Old     string `json:"ori_openid"`
		New     string `json:"new_openid,omitempty"`
		Message string `json:"err_msg"`
	}
	list := []result{}
	for _, openID := range in.OpenIDs {
		one := result{Old: openID, Message: "ori_openid error"}
		if changed, ok := former[openID]; ok {
			one.New, one.Message = changed, "ok"
		}
		list = append(list, one)
	}
	body, err := json.Marshal(map[string]any{"errcode": 0, "errmsg": "ok", "result_list": list})
	if err != nil {
		return badForm(err)
	}
	return centralDone(call, body)
}

// formerOpenIDs maps openids of the former account to those of an account. The simulator may
// play the former account as well.
func (s *Simulator) formerOpenIDs(a *app) map[string]string {
	old, played := s.app(a.FormerAppID)
	if !played {
		old = &app{App: App{AppID: a.FormerAppID}}
	}
	list := make(map[string]string)
	for _, p := range s.People() {
		list[old.openID(p)] = a.openID(p)
	}
	return list
}
