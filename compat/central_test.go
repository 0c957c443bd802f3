//go:build compat

package compat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/compat/record"
	"wxlogin/internal/auth"
)

// TestSDKsOfAccounts asks with libraries for what an account gets by its own credentials:
// access token and ticket, the signature of a page, who follows, and whose a mini
// program's code is. The signatures are those that /api/jssdk would have made of the same
// ticket, and WeChat's client takes them.
func TestSDKsOfAccounts(t *testing.T) {
	sim := startSimulator(t)
	inGo, inNode := goLibraries(t), nodeLibraries(t)
	inNode[len(inNode)-1] = filepath.Join(filepath.Dir(inNode[len(inNode)-1]), "central.mjs")
	for _, c := range []struct {
		run       []string
		name, arg string
		endpoint  string // that its token is of
		followers bool   // it has a call for them
	}{
		{inGo, "silenceper/wechat", "silenceper/wechat central", "cgi_token", true},
		{inGo, "silenceper/wechat stable", "silenceper/wechat central stable", "stable_token", true},
		{inNode, "node-easywechat", "node-easywechat", "cgi_token", true},
		{inNode, "node-easywechat stable", "node-easywechat stable", "stable_token", true},
		{inNode, "wechat-jssdk", "wechat-jssdk", "cgi_token", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sees := record.Of(t, record.SDKs, c.name, libraryVersion(t, c.run, c.name), "token, ticket, signature, code2Session")
			page := "https://app.example.com/shop?a=1&b=" + url.QueryEscape("二")
			before := sim.called(t)
			got := sim.asks(t, c.run, c.arg, page)
			if got.Error != "" || got.Token == "" || got.Ticket == "" {
				t.Fatalf("%+v", got)
			}
			if want := auth.JSSignature(auth.Secret(got.Ticket), got.NonceStr, time.Unix(got.Timestamp, 0), page); got.Signature != want {
				t.Errorf("signs %s, and /api/jssdk would sign %s", got.Signature, want)
			}
			if said := sim.wxConfig(t, got, page); said != "config:ok" {
				t.Errorf("WeChat's client says %s", said)
			}
			if said := sim.wxConfig(t, got, page+"&c=3"); said != "config:invalid signature" {
				t.Errorf("of another page WeChat's client says %s", said)
			}
			if c.followers && (!got.Follows || got.Scene != "ADD_SCENE_QR_CODE") {
				t.Errorf("lin follows, and it says %v, %q", got.Follows, got.Scene)
			}
			if !got.Session || got.Mini == "" || got.UnionID == "" {
				t.Errorf("of the code it says %+v", got)
			}
			after := sim.called(t) // the others have asked the same simulator
			for _, endpoint := range []string{"cgi_token", "stable_token"} {
				if asked := after[endpoint] > before[endpoint]; asked != (endpoint == c.endpoint) {
					t.Errorf("its token should be of %s; %s was asked: %v", c.endpoint, endpoint, asked)
				}
			}
			sees("asks %s; signs as `/api/jssdk` does", strings.Replace(c.endpoint, "cgi_token", "cgi-bin/token", 1))
			if c.followers {
				sees("finds who follows")
			}
		})
	}
}

// issued is what a library's program has got.
type issued struct {
	Token, Ticket, NonceStr, Signature string
	Timestamp                          int64
	Follows                            bool
	Scene, Mini, UnionID               string
	Session                            bool
	Error                              string
}

// asks runs a library's program for lin, in all accounts.
func (s *simulator) asks(t *testing.T, run []string, arg, page string) (got issued) {
	t.Helper()
	var config struct {
		Apps []struct{ AppID, Secret, Kind string }
	}
	s.get(t, "/_sim/config", &config)
	mini := config.Apps[2]
	if mini.Kind != "mini" {
		t.Fatalf("%+v", config)
	}
	var people struct {
		People []struct{ Key, OpenID string }
	}
	s.get(t, "/_sim/people", &people)
	res, err := http.Post(s.plain+"/_sim/wx.login", "application/json", strings.NewReader(`{"person":"lin"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var login struct{ Code string }
	if err := json.NewDecoder(res.Body).Decode(&login); err != nil || login.Code == "" || people.People[0].Key != "lin" {
		t.Fatalf("%v, %+v", err, people)
	}
	command := exec.CommandContext(t.Context(), run[0], append(run[1:len(run):len(run)], arg)...)
	command.Dir = filepath.Dir(run[len(run)-1])
	command.Env = append(os.Environ(), "APPID="+appID, "SECRET="+secret, "MINI_APPID="+mini.AppID, "MINI_SECRET="+mini.Secret,
		"PAGE="+page, "OPENID="+people.People[0].OpenID, "CODE="+login.Code,
		"PLAIN="+s.plain, "SIMULATOR="+s.tls, "NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return got
}

// wxConfig is what WeChat's client says of a signature on a page.
func (s *simulator) wxConfig(t *testing.T, got issued, page string) string {
	t.Helper()
	var said map[string]any
	s.get(t, "/_sim/wx.config?"+url.Values{"appId": {appID}, "timestamp": {fmt.Sprint(got.Timestamp)}, "nonceStr": {got.NonceStr},
		"signature": {got.Signature}, "url": {page}}.Encode(), &said)
	text, _ := said["errMsg"].(string)
	return text
}

// called is how often each endpoint was asked, and answered without an error.
func (s *simulator) called(t *testing.T) map[string]int {
	t.Helper()
	var all struct {
		Calls []struct {
			Endpoint string
			Errcode  int
		}
	}
	s.get(t, "/_sim/calls", &all)
	times := make(map[string]int)
	for _, c := range all.Calls {
		if c.Errcode == 0 {
			times[c.Endpoint]++
		}
	}
	return times
}

func (s *simulator) get(t *testing.T, path string, into any) {
	t.Helper()
	res, err := http.Get(s.plain + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
}
