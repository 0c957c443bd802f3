package main

import (
	"os"

	silenceper "github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	miniprogram "github.com/silenceper/wechat/v2/miniprogram/config"
	officialaccount "github.com/silenceper/wechat/v2/officialaccount/config"
)

// central is what a library gets with the accounts' own access tokens.
type central struct {
	Token     string `json:"token"`
	Ticket    string `json:"ticket"`
	Nonce     string `json:"nonceStr"`
	Timestamp int64  `json:"timestamp"`
	Signature string `json:"signature"`
	Follows   bool   `json:"follows"`
	Scene     string `json:"scene"`
	Mini      string `json:"mini"` // openid with the mini program
	UnionID   string `json:"unionid"`
	Session   bool   `json:"session"` // a session_key came
}

// askCentral makes all of these calls: it signs PAGE, asks whether OPENID follows, and
// spends CODE, which is of wx.login.
func askCentral(stable bool) (got central, err error) {
	w := silenceper.NewWechat()
	account := w.GetOfficialAccount(&officialaccount.Config{AppID: appID, AppSecret: secret, Cache: cache.NewMemory(), UseStableAK: stable})
	if got.Token, err = account.GetAccessToken(); err != nil {
		return got, err
	}
	js := account.GetJs()
	config, err := js.GetConfig(os.Getenv("PAGE"))
	if err != nil {
		return got, err
	}
	got.Nonce, got.Timestamp, got.Signature = config.NonceStr, config.Timestamp, config.Signature
	if got.Ticket, err = js.GetTicket(got.Token); err != nil {
		return got, err
	}
	info, err := account.GetUser().GetUserInfo(os.Getenv("OPENID"))
	if err != nil {
		return got, err
	}
	got.Follows, got.Scene = info.Subscribe == 1, info.SubscribeScene
	mini := w.GetMiniProgram(&miniprogram.Config{AppID: os.Getenv("MINI_APPID"), AppSecret: os.Getenv("MINI_SECRET"), Cache: cache.NewMemory()})
	session, err := mini.GetAuth().Code2Session(os.Getenv("CODE"))
	got.Mini, got.UnionID, got.Session = session.OpenID, session.UnionID, session.SessionKey != ""
	return got, err
}
