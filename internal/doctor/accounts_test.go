package doctor_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxlogin/internal/wechat/wechatsim"
)

// Each account is asked about by its own AppID and secret.
func TestDoctorOfAccounts(t *testing.T) {
	// WeChat knows the accounts apart by their AppIDs.
	const mainID, shopID, pcID = "wx0123456789abcdef", "wx0123456789abcde1", "wx0123456789abcde2"
	const shopSecret, pcSecret = "the-5ecret-0f-the-shop-nobody-sees", "the-5ecret-0f-the-pc-nobody-sees"
	apps := map[string]http.Handler{}
	for appID, secret := range map[string]string{mainID: clinicSecret, shopID: shopSecret, pcID: pcSecret} {
		apps[appID] = wechatsim.New(wechatsim.Config{AppID: appID, Secret: secret})
	}
	wechat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		appID := r.URL.Query().Get("appid")
		if r.Method == http.MethodPost { // of the access token; the body is read once more
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			var asked struct{ AppID string }
			if err := json.Unmarshal(body, &asked); err != nil {
				t.Error(err)
			}
			appID, r.Body = asked.AppID, io.NopCloser(bytes.NewReader(body))
		}
		apps[appID].ServeHTTP(w, r)
	}))
	t.Cleanup(wechat.Close)
	c := newClinic(t)
	c.vars["WXLOGIN_WECHAT_OPEN_URL"], c.vars["WXLOGIN_WECHAT_API_URL"] = wechat.URL, wechat.URL
	c.vars["WXLOGIN_GROUP"] = "acme"
	c.vars["WXLOGIN_ACCOUNTS"] = "shop:oa:" + shopID + "@acme,pc:website:" + pcID
	c.vars["WXLOGIN_APPSECRET_SHOP"], c.vars["WXLOGIN_APPSECRET_PC"] = shopSecret, "another-secret-than-the-account-has"
	r := c.doctor()
	r.wants("ok", "account", "main: AppID "+mainID)
	r.wants("ok", "account", "shop: AppID "+shopID)
	r.wants("FAIL", "account", "pc: errcode 40125", "WXLOGIN_APPSECRET_PC")
	r.wants("ok", "token", "main: WeChat gives").wants("ok", "token", "shop: WeChat gives")
	r.wants("warn", "groups", "pc: no Open Platform account is named", "WXLOGIN_ACCOUNTS")
	r.wants("skip", "authorize", "shop: no complaint seen", "/login?account=shop in WeChat")
	r.wants("skip", "authorize", "pc: no complaint seen", "/login?account=pc on a desktop")
	for _, secret := range []string{shopSecret, c.vars["WXLOGIN_APPSECRET_PC"]} {
		if strings.Contains(r.text, secret) {
			t.Errorf("doctor prints a secret:\n%s", r.text)
		}
	}

	c.vars["WXLOGIN_APPSECRET_PC"] = pcSecret
	c.vars["WXLOGIN_ACCOUNTS"] = "shop:oa:" + shopID + "@acme,pc:website:" + pcID + "@acme"
	r = c.doctor()
	r.wants("ok", "account", "pc: AppID "+pcID)
	r.wants("ok", "groups", "every account names its Open Platform account")

	c.vars["WXLOGIN_APPSECRET_SHOP"] = "another-secret-than-the-account-has"
	c.doctor().wants("FAIL", "account", "shop: errcode 40125").wants("skip", "token", "shop: not checked").wants("ok", "token", "main: WeChat gives")
}
