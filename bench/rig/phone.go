package rig

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// IPhone is the User-Agent of WeChat on an iPhone.
const IPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003130) NetType/WIFI Language/zh_CN"

// NewRequest builds a request as WeChat on an iPhone sends it. With a form it is a request
// from a page of the site.
func NewRequest(method, path, cookies string, form []byte) []byte {
	return NewRequestBy(IPhone, method, path, cookies, form)
}

// NewRequestBy is NewRequest by another browser.
func NewRequestBy(agent, method, path, cookies string, form []byte) []byte {
	return newRequest(Host, agent, method, path, cookies, form)
}

// NewRequestTo is NewRequest to another host.
func NewRequestTo(host, method, path, cookies string, form []byte) []byte {
	return newRequest(host, IPhone, method, path, cookies, form)
}

func newRequest(host, agent, method, path, cookies string, form []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", method, path, host, agent)
	b.WriteString("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: zh-CN,zh-Hans;q=0.9\r\n")
	if cookies != "" {
		b.WriteString("Cookie: " + cookies + "\r\n")
	}
	if method == http.MethodPost {
		b.WriteString("Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(form)
	return b.Bytes()
}

// Jar holds the cookies of one browser at one site.
type Jar struct{ names, values []string }

// Header returns the value of a request's Cookie header.
func (j *Jar) Header() string {
	var b strings.Builder
	for i, name := range j.names {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + "=" + j.values[i])
	}
	return b.String()
}

// Get returns the value of a cookie, or "".
func (j *Jar) Get(name string) string {
	for i := range j.names {
		if j.names[i] == name {
			return j.values[i]
		}
	}
	return ""
}

// Set sets a cookie; an empty value removes it.
func (j *Jar) Set(name, value string) {
	for i := range j.names {
		if j.names[i] != name {
			continue
		}
		j.names = append(j.names[:i], j.names[i+1:]...)
		j.values = append(j.values[:i], j.values[i+1:]...)
		break
	}
	if value != "" {
		j.names, j.values = append(j.names, name), append(j.values, value)
	}
}

// Take applies the Set-Cookie lines of an answer.
func (j *Jar) Take(c *Conn) {
	for _, line := range c.Header("Set-Cookie") {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(attributes, "Max-Age=0") {
			value = ""
		}
		j.Set(name, value)
	}
}

// Cookies of the service. Their names end with a hash of the public URL, here Host:
// the first eight digits of its SHA-256.
const (
	SessionCookie = "wxlogin_f1ee61cf"      // the session of a visitor
	AdminCookie   = "wxlogin_desk_f1ee61cf" // of an admin
)

// Phone is a browser in WeChat.
type Phone struct {
	Jar    Jar
	Holder Person
	Site   *Conn // to the service
	WeChat *Conn // to the simulator

	Cookie   string        // name of the session's cookie; empty: SessionCookie
	Callback time.Duration // how long the callback of the last login took
}

func (p *Phone) sessionCookie() string { return cmp.Or(p.Cookie, SessionCookie) }

// Ask sends a request to the site with the phone's cookies, and stores those of the answer,
// which is in Site.
func (p *Phone) Ask(method, path string, form []byte, deadline time.Time) error {
	if err := p.Site.Do(NewRequest(method, path, p.Jar.Header(), form), deadline); err != nil {
		return err
	}
	p.Jar.Take(p.Site)
	return nil
}

// Authorize opens an authorize page at WeChat, answers it for the holder, and returns where
// on the site WeChat redirects the browser to.
func (p *Phone) Authorize(location string, deadline time.Time) (path string, err error) {
	_, rest, ok := strings.Cut(location, "://")
	_, target, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return "", fmt.Errorf("not an authorize page: %q", location)
	}
	target, _, _ = strings.Cut(target, "#")
	cookies := "wechatsim_person=" + p.Holder.Key + "; wechatsim_consent=allow"
	if err := p.WeChat.Do(NewRequest(http.MethodGet, "/"+target, cookies, nil), deadline); err != nil {
		return "", fmt.Errorf("WeChat: %w", err)
	}
	back, ok := strings.CutPrefix(Location(p.WeChat), "http://"+Host)
	if !ok {
		return "", fmt.Errorf("WeChat does not send back, but %d: %.300s", p.WeChat.Status, p.WeChat.Body)
	}
	return back, nil
}

// Location returns where an answer redirects to, or "". It leaves out an empty fragment,
// which keeps browsers from inheriting the fragment of WeChat's address.
func Location(c *Conn) string {
	if values := c.Header("Location"); len(values) > 0 {
		return strings.TrimSuffix(values[0], "#")
	}
	return ""
}

// SignsIn makes a whole login, from /login over WeChat to the page that shows the person.
// With consent it is the trip that asks for the profile. Any detour is an error.
func (p *Phone) SignsIn(consent bool, deadline time.Time) error {
	path := "/login?return_to=%2F"
	if consent {
		path = "/login?consent=1&return_to=%2F"
	}
	if err := p.Ask(http.MethodGet, path, nil, deadline); err != nil {
		return err
	}
	if p.Site.Status != http.StatusFound {
		return p.surprise("/login")
	}
	path, err := p.Authorize(Location(p.Site), deadline)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := p.Ask(http.MethodGet, path, nil, deadline); err != nil {
		return err
	}
	p.Callback = time.Since(began)
	if p.Site.Status != http.StatusSeeOther || Location(p.Site) != "/" || p.Jar.Get(p.sessionCookie()) == "" {
		return p.surprise("/callback")
	}
	if err := p.Ask(http.MethodGet, "/", nil, deadline); err != nil {
		return err
	}
	if p.Site.Status != http.StatusOK || !bytes.Contains(p.Site.Body, []byte(p.Holder.OpenID)) {
		return p.surprise("/")
	}
	return nil
}

func (p *Phone) surprise(path string) error {
	return fmt.Errorf("%s of %s: %d to %q: %.300s", path, p.Holder.Key, p.Site.Status, Location(p.Site), p.Site.Body)
}

// All returns the cookies in the jar.
func (j *Jar) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range j.names {
			if !yield(j.names[i], j.values[i]) {
				return
			}
		}
	}
}
