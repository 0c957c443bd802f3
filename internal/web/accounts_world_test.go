package web_test

import (
	"net/http/httptest"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

// accounts are those of a world, and WeChat as each of them sees it.
type accounts struct {
	all        []auth.Account // main first
	providers  map[string]auth.Provider
	refreshers map[string]auth.RefreshProvider
}

// startAccounts makes the accounts besides main. Each has a WeChat of its own, so that
// a call with the wrong account's AppID reaches somebody who does not know it.
func (w *world) startAccounts(others []auth.Account) *accounts {
	a := &accounts{all: make([]auth.Account, 1), providers: make(map[string]auth.Provider), refreshers: make(map[string]auth.RefreshProvider)}
	w.sims = make(map[string]*wechatsim.Simulator)
	for i, account := range others {
		sim := wechatsim.New(wechatsim.Config{AppID: "wx00000000000000" + string(rune('a'+i)) + "0", Now: w.clock.now})
		server := httptest.NewServer(w.secrets.overhear(sim))
		w.t.Cleanup(server.Close)
		account.AppID, w.sims[account.Name] = sim.AppID(), sim
		a.add(account, wechat.New(wechat.Config{
			AppID: sim.AppID(), AppSecret: auth.Secret(sim.Secret()), OpenURL: server.URL, APIURL: server.URL, Lang: "zh_CN",
		}))
	}
	return a
}

func (a *accounts) add(account auth.Account, client *wechat.Client) {
	if account.Name == auth.MainAccount {
		a.all[0] = account
	} else {
		a.all = append(a.all, account)
	}
	a.providers[account.Name], a.refreshers[account.AppID] = client, client
}

// wantStatus fails unless the answer has the status.
func (p *page) wantStatus(status int) *page {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("%s: status %d, want %d\n%s", p.URL.Path, p.Status, status, excerpt(p.Body))
	}
	return p
}
