package doctor_test

import (
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// An address that is not on the account's IP list is named, before anybody's page or
// back end meets it: a warning, and a fault where the settings want the token.
func TestDoctorOfTheAccessToken(t *testing.T) {
	c := newClinic(t)
	c.doctor().wants("ok", "token", "WeChat gives this server the account's access token")
	if calls := c.sim.Calls(wechatsim.StableToken); len(calls) != 1 || calls[0].Forced {
		t.Errorf("asked %+v", calls)
	}
	c.sim.SetAddresses(c.sim.AppID(), []string{"192.0.2.1"})
	r := c.doctor().wants("warn", "token", "errcode 40164", "服务器 IP 不在白名单", "IP白名单: add the public address that this server calls out with: 127.0.0.1", "logins do not")
	r.wants("ok", "account")
	for _, setting := range []string{"WXLOGIN_FOLLOWERS", "WXLOGIN_BACKEND_KEYS"} {
		c.vars[setting] = map[string]string{"WXLOGIN_FOLLOWERS": "true", "WXLOGIN_BACKEND_KEYS": "shop:0123456789abcdef0123456789abcdef"}[setting]
		c.doctor().wants("FAIL", "token", "errcode 40164", "127.0.0.1")
		delete(c.vars, setting)
	}
	c.sim.SetAddresses(c.sim.AppID(), nil)
	c.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Errcode: 99999})
	c.doctor().wants("warn", "token", "no access token: errcode 99999: not in our list\n", "look it up in WeChat's list")
	c.sim.Plan(wechatsim.StableToken, wechatsim.Fault{Status: 502})
	c.doctor().wants("warn", "token", "no access token: ", "check the network", "logins do not")
	c.vars["WXLOGIN_FOLLOWERS"] = "true"
	c.sim.Plan(wechatsim.StableToken, wechatsim.Fault{CutBefore: true})
	c.doctor().wants("FAIL", "token", "the connection was cut", "something between cuts connections")
	delete(c.vars, "WXLOGIN_FOLLOWERS")
	c.vars["WXLOGIN_APPSECRET"] = "another-secret-than-the-account-has"
	c.doctor().wants("FAIL", "account", "40125").wants("skip", "token")
}
