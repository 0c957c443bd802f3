// Command go makes one login by one library: go run . NAME. It prints the address that a
// browser is to open, reads the address to which WeChat redirects it, and prints the person
// or the error. APPID, SECRET, CALLBACK and PLAIN (the simulator without TLS) are variables;
// SIMULATOR is the address for WeChat's names, in place of a line in the hosts file.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/markbates/goth/providers/wechat"
	silenceper "github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	officialaccount "github.com/silenceper/wechat/v2/officialaccount/config"
)

type person struct {
	OpenID   string `json:"openid"`
	UnionID  string `json:"unionid,omitempty"`
	Nickname string `json:"nickname"`
}

type login interface {
	begin() (string, error)
	finish(callback url.Values) (person, error)
}

var appID, secret, callback = os.Getenv("APPID"), os.Getenv("SECRET"), os.Getenv("CALLBACK")

func main() {
	http.DefaultTransport.(*http.Transport).DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(to)
		if strings.HasSuffix(host, ".weixin.qq.com") {
			to = os.Getenv("SIMULATOR")
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
	if err := run(); err != nil {
		writeLine(map[string]string{"error": err.Error()})
	}
}

func run() error {
	if os.Args[1] == "silenceper/wechat central" || os.Args[1] == "silenceper/wechat central stable" {
		got, err := askCentral(strings.HasSuffix(os.Args[1], " stable"))
		if err == nil {
			writeLine(got)
		}
		return err
	}
	var l login
	switch os.Args[1] {
	case "silenceper/wechat":
		account := silenceper.NewWechat().GetOfficialAccount(&officialaccount.Config{AppID: appID, AppSecret: secret, Cache: cache.NewMemory()})
		l = silenceperLogin{account.GetOauth()}
	case "goth":
		p := wechat.New(appID, secret, callback, wechat.WECHAT_LANG_CN)
		plain := os.Getenv("PLAIN")
		p.AuthURL, p.TokenURL, p.ProfileURL = plain+"/connect/qrconnect", plain+"/sns/oauth2/access_token", plain+"/sns/userinfo"
		l = &gothLogin{provider: p}
	}
	to, err := l.begin()
	if err != nil {
		return err
	}
	writeLine(map[string]string{"authorize": to})
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	back, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	who, err := l.finish(back.Query())
	if err != nil {
		return err
	}
	writeLine(who)
	return nil
}

func writeLine(v any) {
	line, _ := json.Marshal(v)
	fmt.Println(string(line))
}
