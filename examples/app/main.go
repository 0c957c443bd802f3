// Command shop is an application behind wxlogin's forward auth: it knows who its visitor
// is and has not one line about signing in.
//
// It believes the headers of a request because nobody but the proxy can send it
// one: it listens on this machine's loopback address, and the proxy replaces
// what a visitor has sent under the names of these headers. Give it an address
// that others can reach, and anybody can be anyone.
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

// visitor is who the proxy has let in.
type visitor struct {
	ID      string // stays the same for ever: the key to file things under
	Name    string // the WeChat nickname, chosen by the visitor and changed at will: show it, decide nothing by it
	OpenID  string
	UnionID string // empty when WeChat has told none
	Scope   string // snsapi_base: nothing but the openid is known
}

// whoIs reads wxlogin's headers. It fails when they are not as the proxy sends
// them, which means that the request has not come through it.
func whoIs(r *http.Request) (visitor, error) {
	for _, name := range []string{"Remote-User", "X-Wechat-Openid"} {
		if values := r.Header.Values(name); len(values) != 1 || values[0] == "" {
			return visitor{}, errors.New(name + " is not there once: is the proxy in front of this application?")
		}
	}
	// A header holds ASCII only, so the name comes percent-encoded.
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

// The name stands in <bdi>, so that letters written from right to left do not
// turn the rest of the line round.
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
