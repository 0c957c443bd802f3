// Command shop is an application behind wxlogin's forward auth: it knows its visitors
// without a line of code about signing in.
//
// It trusts the headers of a request because only the proxy can send it requests: it listens
// on this machine's loopback address, and the proxy replaces these headers in what a visitor
// sends. If it listened on an address that others can reach, anybody could be anyone.
package main

import (
	"errors"
	"flag"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9000", "listen here; only the proxy may reach it")
	flag.Parse()
	server := &http.Server{Addr: *addr, Handler: http.HandlerFunc(greet), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("listening on %s", *addr)
	log.Fatal(server.ListenAndServe())
}

// visitor is a person whom the proxy has let in.
type visitor struct {
	ID      string // never changes: use it as the key
	Name    string // the WeChat nickname, which visitors change at will: for display only
	OpenID  string
	UnionID string // empty if WeChat gives none
	Scope   string // snsapi_base: only the openid is known
}

// whoIs reads wxlogin's headers. It fails if they are not as the proxy sends them, as the
// request has then not come through the proxy.
func whoIs(r *http.Request) (visitor, error) {
	for _, name := range []string{"Remote-User", "X-Wechat-Openid"} {
		if values := r.Header.Values(name); len(values) != 1 || values[0] == "" {
			return visitor{}, errors.New(name + " is not there once: is the proxy in front of this application?")
		}
	}
	// Headers are ASCII, so the name is percent-encoded.
	name, err := url.PathUnescape(r.Header.Get("Remote-Name"))
	if err != nil {
		return visitor{}, err
	}
	return visitor{
		ID:      r.Header.Get("Remote-User"),
		Name:    name,
		OpenID:  r.Header.Get("X-Wechat-Openid"),
		UnionID: r.Header.Get("X-Wechat-Unionid"),
		Scope:   r.Header.Get("X-Wechat-Scope"),
	}, nil
}

// The name is in <bdi>, so that right-to-left characters do not reverse the rest of the
// line.
var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>小店</title>
<h1>你好，<bdi>{{or .Name "微信用户"}}</bdi></h1>
<dl>
<dt>Remote-User<dd>{{.ID}}
<dt>X-Wechat-Openid<dd>{{.OpenID}}
<dt>X-Wechat-Unionid<dd>{{or .UnionID "—"}}
<dt>X-Wechat-Scope<dd>{{.Scope}}
</dl>
</html>
`))

func greet(w http.ResponseWriter, r *http.Request) {
	who, err := whoIs(r)
	if err != nil {
		log.Print(err)
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := page.Execute(w, who); err != nil {
		log.Print(err)
	}
}
