package main

import (
	"net/url"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/wechat"
	"github.com/silenceper/wechat/v2/officialaccount/oauth"
)

type silenceperLogin struct{ *oauth.Oauth }

func (l silenceperLogin) begin() (string, error) {
	return l.GetRedirectURL(callback, "snsapi_userinfo", "a1b2c3")
}

func (l silenceperLogin) finish(back url.Values) (person, error) {
	token, err := l.GetUserAccessToken(back.Get("code"))
	if err != nil {
		return person{}, err
	}
	info, err := l.GetUserInfo(token.AccessToken, token.OpenID, "zh_CN")
	return person{info.OpenID, info.Unionid, info.Nickname}, err
}

type gothLogin struct {
	provider *wechat.Provider
	session  goth.Session
}

func (l *gothLogin) begin() (to string, err error) {
	if l.session, err = l.provider.BeginAuth("a1b2c3"); err != nil {
		return "", err
	}
	return l.session.GetAuthURL()
}

func (l *gothLogin) finish(back url.Values) (person, error) {
	if _, err := l.session.Authorize(l.provider, back); err != nil {
		return person{}, err
	}
	user, err := l.provider.FetchUser(l.session)
	unionID, _ := user.RawData["Unionid"].(string)
	return person{user.UserID, unionID, user.NickName}, err
}
