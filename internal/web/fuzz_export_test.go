package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"time"

	"wxlogin/internal/auth"
)

// ReturnTo is where a site sends a browser that asks to return to raw.
func ReturnTo(public *url.URL, hosts []string, raw string) string {
	return newSite(public, hosts).returnTo(raw)
}

// httpsSite is a site on https.
var httpsSite = newSite(&url.URL{Scheme: "https", Host: "login.example.com"}, nil)

// CookieName is the name of one of a site's cookies, without its prefix.
func CookieName(public, name string) string {
	u, err := url.Parse(public)
	if err != nil {
		panic(err)
	}
	return name + "_" + newSite(u, nil).tag
}

// FlowCookie begins a trip and returns its state and cookie.
func FlowCookie(keys auth.Keyring, now func() time.Time, returnTo string) (state string, cookie *http.Cookie, err error) {
	w := httptest.NewRecorder()
	fl, err := newFlows(httpsSite, keys, now).begin(w, httptest.NewRequest(http.MethodGet, "/login", nil), flow{Account: auth.MainAccount, Scope: auth.ScopeBase, ReturnTo: returnTo})
	if err != nil {
		return "", nil, err
	}
	return fl.State, w.Result().Cookies()[0], nil
}

// FindFlow looks for a state's trip in a request, and returns where it leads.
func FindFlow(keys auth.Keyring, now func() time.Time, r *http.Request, state string) (returnTo string, ok bool) {
	fl, ok := newFlows(httpsSite, keys, now).find(r, state)
	return fl.ReturnTo, ok
}

// ClientAddress is the client that a request is taken to come from.
func ClientAddress(trusted []netip.Prefix, r *http.Request) (address string) {
	clientAddress(trusted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		address = client(r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return address
}
