package web_test

import (
	"fmt"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
	"wxlogin/internal/wechat/wechatsim"
)

// accounts are those of a world, and WeChat as each of them sees it.
type accounts struct {
	all        []auth.Account // main first
	providers  map[string]auth.Provider
	minis      map[string]auth.MiniProvider
	refreshers map[string]auth.RefreshProvider
	central    []auth.CentralAccount
	followers  map[string]auth.FollowerProvider
}

// apps are accounts as the simulator plays them, all of one Open Platform account.
func apps(accounts []auth.Account) (apps []wechatsim.App) {
	for i, account := range accounts {
		apps = append(apps, wechatsim.App{AppID: fmt.Sprintf("wx00000000000000%02x", i+1), Kind: wechatsim.Kind(account.Kind), Name: account.Name})
	}
	return apps
}

// meetWeChat gives each account a client of its own.
func (w *world) meetWeChat(others []auth.Account, apiURL string) *accounts {
	a := &accounts{
		providers: make(map[string]auth.Provider), minis: make(map[string]auth.MiniProvider), refreshers: make(map[string]auth.RefreshProvider),
		followers: make(map[string]auth.FollowerProvider),
	}
	a.all = append([]auth.Account{{Name: auth.MainAccount, Kind: auth.OfficialAccount, Group: "acme"}}, others...)
	for i, app := range w.sim.Apps()[:len(a.all)] {
		account := &a.all[i]
		account.AppID = app.AppID
		client := wechat.New(wechat.Config{
			AppID: app.AppID, AppSecret: auth.Secret(app.Secret), OpenURL: w.simURL, APIURL: apiURL, Lang: "zh_CN",
		})
		a.refreshers[account.AppID] = client
		a.central = append(a.central, auth.CentralAccount{Account: *account, Provider: client})
		if account.Kind == auth.OfficialAccount {
			a.followers[account.AppID] = client
		}
		if account.Kind == auth.MiniProgram {
			a.minis[account.Name] = client
		} else {
			a.providers[account.Name] = client
		}
	}
	return a
}

// account is one of the world's accounts.
func (w *world) account(name string) auth.Account {
	w.t.Helper()
	account, err := w.rules.Named(name)
	check(w.t, err)
	return account
}

// exchanges is how many codes were sent to WeChat, by each account.
func (w *world) exchanges() (all string) {
	for _, account := range w.rules.Accounts {
		n := 0
		for _, call := range w.sim.Calls(wechatsim.Token, wechatsim.CodeToSession) {
			if call.AppID == account.AppID {
				n++
			}
		}
		all += fmt.Sprintf(" %s %d", account.Name, n)
	}
	return all[1:]
}

// wantStatus fails unless the answer has the status.
func (p *page) wantStatus(status int) *page {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("%s: status %d, want %d\n%s", p.URL.Path, p.Status, status, excerpt(p.Body))
	}
	return p
}
