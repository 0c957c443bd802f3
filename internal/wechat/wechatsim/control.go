package wechatsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// controlPage is the data of GET /.
type controlPage struct {
	Notice        string
	Base          string
	AppID, Secret string
	Account       string
	Apps          []App // except the official account
	CallbackHosts []string
	AnyBrowser    bool
	InWeChat      bool // this browser counts as WeChat's
	TryBase       string
	TryUserinfo   string
	TryLogin      string

	phonePage

	Owner      *shownPerson // whose phone this browser is
	Full       bool         // 使用完整服务 was pressed in it
	People     []shownPerson
	MorePeople int

	Switches  Switches
	Presets   []presetGroup
	Endpoints []Endpoint
	Kinds     []formKind
	Faults    []shownFault
	Calls     []Call
	Total     int

	Result string // what the last form did
}

type shownFault struct {
	Endpoint Endpoint
	What     string
	Left     string
}

type presetGroup struct {
	Endpoint Endpoint
	Presets  []Preset
}

func groupedPresets() []presetGroup {
	var groups []presetGroup
	presets := Presets()
	for _, e := range Endpoints() {
		var of []Preset
		for _, p := range presets {
			if p.Endpoint == e {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			groups = append(groups, presetGroup{e, of})
		}
	}
	return groups
}

// callsShown is how many of the last calls the control page lists.
const callsShown = 50

// control answers GET /.
func (s *Simulator) control(r *http.Request) reply {
	base := s.baseURL(r)
	data := controlPage{
		Notice: s.cfg.Notice, Base: base, AppID: s.cfg.AppID, Secret: s.cfg.Secret, Account: s.cfg.AccountName, Apps: s.Apps()[1:],
		CallbackHosts: s.cfg.CallbackHosts, AnyBrowser: s.cfg.AnyBrowser,
		InWeChat: s.counts(r), phonePage: s.phonePage(r),
		Full: cookie(r, CookieFull) == "1", People: s.shownPeople(),
		Switches: s.Switches(), Presets: groupedPresets(), Endpoints: Endpoints(), Kinds: formKinds,
		Faults: s.plannedFaults(), Result: results[r.URL.Query().Get("said")],
	}
	if p, ok := s.owner(r); ok {
		sp := shown(p)
		data.Owner = &sp
	}
	if u, _ := s.checkCallback(s.apps[0], base+"/_sim/tried"); u != nil {
		data.TryBase = s.tryLink("/connect/oauth2/authorize", s.cfg.AppID, u, ScopeBase)
		data.TryUserinfo = s.tryLink("/connect/oauth2/authorize", s.cfg.AppID, u, ScopeUserinfo)
		data.TryLogin = s.tryLink("/connect/qrconnect", s.siteApp().AppID, u, ScopeLogin)
	}

	s.mu.Lock()
	data.MorePeople = len(s.people.order) - len(data.People)
	data.Total = s.callCount
	s.mu.Unlock()
	data.Calls = s.callsAfter(data.Total - callsShown)
	slices.Reverse(data.Calls)
	return s.page("control", data)
}

func (s *Simulator) tryLink(page, appID string, callback *url.URL, scope string) string {
	return page + "?appid=" + url.QueryEscape(appID) +
		"&redirect_uri=" + url.QueryEscape(callback.String()) +
		"&response_type=code&scope=" + scope + "&state=" + randomHex(8) + "#wechat_redirect"
}

func (s *Simulator) plannedFaults() []shownFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []shownFault
	for _, p := range s.faults {
		left := strconv.Itoa(p.left)
		if p.left < 0 {
			left = "∞"
		}
		list = append(list, shownFault{Endpoint: p.endpoint, What: p.fault.String(), Left: left})
	}
	return list
}

// results are the sentences that the control page shows after a form, by the word in its
// address, so that the page never shows text from a link.
var results = map[string]string{
	"phone":    "这个浏览器换了主人。 This browser has a new owner.",
	"browser":  "这个浏览器换了手机。 This browser plays another phone.",
	"forgot":   "这个浏览器不再属于任何人。 This browser belongs to nobody.",
	"full":     "已点「使用完整服务」。 The full service was chosen.",
	"person":   "人物已添加。 The person was added.",
	"fault":    "故障已安排。 The fault is planned.",
	"clear":    "故障已清除。 No faults are planned.",
	"switches": "开关已保存。 The switches are set.",
}

func backToControl(word, anchor string) reply {
	return redirect(http.StatusSeeOther, "/?said="+word+"#"+anchor)
}
