package doctor_test

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/doctor"
	"wxlogin/internal/wechat/wechatsim"
)

func TestDoctorOfTheAccount(t *testing.T) {
	for errcode, want := range map[int][]string{
		40013: {"FAIL", "WXLOGIN_APPID", "开发者ID"},
		40125: {"FAIL", "WXLOGIN_APPSECRET", "重置"},
		40164: {"FAIL", "IP白名单", "203.0.113.7"},
		41002: {"FAIL", "WXLOGIN_APPID"},
		41004: {"FAIL", "WXLOGIN_APPSECRET"},
		48001: {"FAIL", "已认证服务号"},
		48004: {"FAIL", "封禁"},
		50404: {"FAIL", "not in our list", "全局返回码"},
		-1:    {"warn", "系统繁忙"},
		45009: {"warn", "限额"},
		45011: {"warn", "超限"},
	} {
		t.Run(fmt.Sprint(errcode), func(t *testing.T) {
			c := newClinic(t)
			c.sim.Plan(wechatsim.Token, wechatsim.Fault{Errcode: errcode})
			r := c.doctor()
			r.wants(want[0], "account", append(want[1:], fmt.Sprintf("errcode %d", errcode))...)
			r.wants("ok", "wechat").wants("ok", "clock")
			if c.sim.Exchanges() != 1 {
				t.Errorf("%d exchanges, want one", c.sim.Exchanges())
			}
		})
	}
}

func TestDoctorOfAWrongSecret(t *testing.T) {
	c := newClinic(t)
	c.vars["WXLOGIN_APPSECRET"] = "another-secret-than-the-account-has"
	r := c.doctor().wants("FAIL", "account", "40125")
	if strings.Contains(r.text, c.vars["WXLOGIN_APPSECRET"]) {
		t.Errorf("doctor prints the secret:\n%s", r.text)
	}
}

func TestDoctorOfTheAuthorizePage(t *testing.T) {
	for number, want := range map[int][]string{
		10003: {"FAIL", "网页授权域名", "for this service: 127.0.0.1"},
		10004: {"FAIL", "封禁"},
		10005: {"FAIL", "已认证服务号"},
		10006: {"FAIL", "测试号"},
		10009: {"warn"},
		10012: {"FAIL", "appid"},
		10016: {"FAIL", "mp.weixin.qq.com"},
		10099: {"FAIL", "not in our list"},
	} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			c := newClinic(t)
			c.sim.Plan(wechatsim.Authorize, wechatsim.Fault{Errcode: number})
			c.doctor().wants(want[0], "authorize", append(want[1:], fmt.Sprint(number))...)
		})
	}
	t.Run("AppID", func(t *testing.T) {
		c := newClinic(t)
		c.vars["WXLOGIN_APPID"] = "wxffffffffffffffff"
		c.doctor().wants("FAIL", "authorize", "AppID 参数错误", "WXLOGIN_APPID").wants("FAIL", "account", "40013")
	})
	t.Run("scope of consent alone", func(t *testing.T) {
		c := newClinic(t)
		c.sim.SetSwitches(wechatsim.Switches{NoUserinfoScope: true})
		c.doctor().wants("FAIL", "authorize", "10005", "snsapi_userinfo")
	})
	t.Run("out of reach", func(t *testing.T) {
		c := newClinic(t)
		c.vars["WXLOGIN_WECHAT_OPEN_URL"] = "http://" + deadAddress(t)
		c.doctor().wants("skip", "authorize", "cannot be told from here")
	})
}

func TestDoctorOfTheClock(t *testing.T) {
	for off, want := range map[time.Duration][]string{
		-time.Hour:       {"FAIL", "ahead of WeChat's", "NTP"},
		time.Hour:        {"FAIL", "behind WeChat's", "NTP"},
		20 * time.Second: {"ok"},
	} {
		t.Run(off.String(), func(t *testing.T) {
			c := newClinic(t)
			date := time.Now().Add(off).UTC().Format(http.TimeFormat)
			c.sim.Plan(wechatsim.Token, wechatsim.Fault{Header: http.Header{"Date": {date}}})
			c.doctor().wants(want[0], "clock", want[1:]...)
		})
	}
	t.Run("none", func(t *testing.T) {
		c := newClinic(t)
		c.sim.Plan(wechatsim.Token, wechatsim.Fault{Header: http.Header{"Date": {"half past nine"}}})
		c.doctor().wants("skip", "clock", "no date")
	})
}

func TestDoctorOfTheWayToWeChat(t *testing.T) {
	c := newClinic(t)
	untrusted := untrustedServer(t)
	plain := c.vars["WXLOGIN_WECHAT_API_URL"]
	for api, want := range map[string]string{
		"http://" + deadAddress(t): "connection refused",
		untrusted:                  "certificate",
		strings.Replace(plain, "http", "https", 1): "no TLS",
		plain + "/nothing-here":                    "HTTP status 404",
	} {
		c.vars["WXLOGIN_WECHAT_API_URL"] = api
		r := c.doctor()
		r.wants("FAIL", "wechat", want).wants("skip", "clock").wants("skip", "account")
	}
	c.vars["WXLOGIN_WECHAT_API_URL"] = plain
	c.sim.Plan(wechatsim.Token, wechatsim.Fault{CutBefore: true})
	c.doctor().wants("FAIL", "wechat", "cut")
}

func TestDoctorOfThePublicURL(t *testing.T) {
	redirect := func(to string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.Path, http.StatusMovedPermanently)
		})
	}
	answers := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Server", "nginx")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	for name, test := range map[string]struct {
		visitorsMeet http.Handler
		words        []string
	}{
		"a foreign site":       {answers(http.StatusOK, "<h1>Welcome to nginx!</h1>"), []string{"not this service", "proxy_pass", `"nginx"`}},
		"its imitation":        {answers(http.StatusOK, `{"status":"ok"}`), []string{"not this service"}},
		"no such page":         {answers(http.StatusNotFound, ""), []string{"404", "location /wx/"}},
		"a proxy of nothing":   {answers(http.StatusBadGateway, ""), []string{"does not reach the service", "server serve"}},
		"another host":         {redirect("https://www.example.com"), []string{"www.example.com", "whole host", "WXLOGIN_PUBLIC_URL=https://www.example.com/wx"}},
		"https":                {redirect("https://127.0.0.1"), []string{"another scheme", "WXLOGIN_PUBLIC_URL=https://127.0.0.1/wx"}},
		"a page of the host's": {answers(http.StatusForbidden, "not filed"), []string{"403", "备案"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.visitorsMeet(test.visitorsMeet)
			verdict := "FAIL"
			if name == "a proxy of nothing" {
				verdict = "warn" // the service does not run
			}
			c.doctor().wants(verdict, "public URL", test.words...)
		})
	}
	t.Run("an untrusted certificate", func(t *testing.T) {
		c := newClinic(t)
		c.vars["WXLOGIN_PUBLIC_URL"] = untrustedServer(t)
		c.doctor().wants("FAIL", "public URL", "certificate", "fullchain")
	})
}

// untrustedServer has a certificate that nobody vouches for.
func untrustedServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestDoctorOfTheVerifyFile(t *testing.T) {
	t.Run("behind a proxy that passes the prefix alone", func(t *testing.T) {
		c := newClinic(t).serves()
		service, err := url.Parse("http://" + c.vars["WXLOGIN_ADDR"])
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.Handle("/wx/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(service) }})
		front := c.visitorsMeet(mux)
		r := c.doctor().wants("ok", "public URL")
		r.wants("FAIL", "MP_verify", front+"/"+verifyName, "404", "location = /"+verifyName)
	})
	t.Run("other content", func(t *testing.T) {
		c := newClinic(t).serves()
		c.write(c.vars["WXLOGIN_VERIFY_FILE"], "a newer file", 0o644)
		c.doctor().wants("FAIL", "MP_verify", "other content", "restart the service")
	})
	t.Run("missing", func(t *testing.T) {
		c := newClinic(t)
		os.Remove(c.vars["WXLOGIN_VERIFY_FILE"])
		c.offline().wants("FAIL", "MP_verify", "download it again").wants("FAIL", "settings", "WXLOGIN_VERIFY_FILE")
	})
	t.Run("badly named", func(t *testing.T) {
		c := newClinic(t)
		c.vars["WXLOGIN_VERIFY_FILE"] = filepath.Join(c.dir, "verify (1).txt")
		c.offline().wants("FAIL", "MP_verify", "MP_verify_")
	})
	t.Run("not set", func(t *testing.T) {
		c := newClinic(t)
		delete(c.vars, "WXLOGIN_VERIFY_FILE")
		c.offline().wants("warn", "MP_verify", "unless the proxy serves it")
	})
}

func TestDoctorOfAnotherProgramAtTheAddress(t *testing.T) {
	c := newClinic(t)
	front := c.visitorsMeet(http.NotFoundHandler())
	c.vars["WXLOGIN_ADDR"] = strings.TrimPrefix(front, "http://")
	c.doctor().wants("FAIL", "service", "something else", "WXLOGIN_ADDR")
}

func TestDiagnosis(t *testing.T) {
	for want, err := range map[string]error{
		"h5.example.com does not resolve":  &net.DNSError{Name: "h5.example.com", IsNotFound: true},
		"DNS does not answer":              &net.DNSError{Name: "h5.example.com", IsTimeout: true},
		"certificate is for other names":   x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h5.example.com"},
		"certificate has expired":          x509.CertificateInvalidError{Reason: x509.Expired},
		"HTTPS_PROXY does not answer":      &net.OpError{Op: "proxyconnect", Err: fmt.Errorf("refused")},
		"no answer in time":                os.ErrDeadlineExceeded,
		"HTTPS_PROXY is not an address":    fmt.Errorf(`invalid proxy address "http://me:password@[": missing`),
		"something that nobody thought of": fmt.Errorf("something that nobody thought of"),
	} {
		got := doctor.Diagnosis(&url.Error{Op: "Get", URL: "https://api.weixin.qq.com/?secret=x", Err: fmt.Errorf("token: %w", err)})
		if !strings.Contains(got, want) || strings.Contains(got, "secret") || strings.Contains(got, "password") {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
