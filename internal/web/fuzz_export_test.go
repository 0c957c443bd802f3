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

// FlowCookie begins a trip and returns its state and cookie.
func FlowCookie(keys auth.Keyring, now func() time.Time, returnTo string) (state string, cookie *http.Cookie, err error) {
	w := httptest.NewRecorder()
	fl, err := newFlows(true, keys, now).begin(w, httptest.NewRequest(http.MethodGet, "/login", nil), auth.ScopeBase, returnTo, 0)
	if err != nil {
		return "", nil, err
	}
	return fl.State, w.Result().Cookies()[0], nil
}

// FindFlow looks for a state's trip in a request, and returns where it leads.
func FindFlow(keys auth.Keyring, now func() time.Time, r *http.Request, state string) (returnTo string, ok bool) {
	fl, ok := newFlows(true, keys, now).find(r, state)
	return fl.ReturnTo, ok
}

// ClientAddress is the client that a request is taken to come from.
func ClientAddress(trusted []netip.Prefix, r *http.Request) (address string) {
	clientAddress(trusted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		address = client(r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return address
}
