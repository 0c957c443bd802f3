package web

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"wxlogin/internal/auth"
)

// jssdkBudget bounds signatures a minute: as many for one address as pages for strangers,
// because many phones share the address of a carrier.
func (s *Server) jssdkBudget() budget { return budget{address: 4 * s.perMinute()} }

// nobody is the name function of budgets that count by address alone.
func nobody(*http.Request) string { return "" }

// jssdk signs a page for wx.config of WeChat's JS-SDK. It needs no session: a signature is
// valid on that page only.
func (s *Server) jssdk(w http.ResponseWriter, r *http.Request) error {
	pages := r.URL.Query()["url"]
	if len(pages) != 1 {
		return refuseParameter("url", "1 × https://…")
	}
	page, _, _ := strings.Cut(pages[0], "#")
	if !s.site.signs(page) {
		return refuseParameter("url", "WXLOGIN_PUBLIC_URL | WXLOGIN_RETURN_HOSTS")
	}
	account, err := s.jssdkAccount(r, page)
	if err != nil {
		return err
	}
	ticket, err := s.central.Ticket(r.Context(), account.AppID)
	if err != nil {
		return err
	}
	nonce, at := rand.Text(), s.now()
	return s.json(w, r, map[string]any{
		"appId":     account.AppID,
		"timestamp": at.Unix(),
		"nonceStr":  nonce,
		"signature": auth.JSSignature(ticket.Value, nonce, at, page),
	})
}

// jssdkAccount returns the official account that a page is signed for: the one that the
// request names, or that of the page's host.
func (s *Server) jssdkAccount(r *http.Request, page string) (auth.Account, error) {
	name, err := askedAccount(r)
	if err != nil {
		return auth.Account{}, err
	}
	if name == "" {
		return s.officialAccount(page)
	}
	account, err := s.rules.Named(name)
	if err == nil && account.Kind != auth.OfficialAccount {
		err = auth.Failf(auth.NoSuchAccount, "account %q signs no pages", name)
	}
	return account, err
}

// signs says whether a page may be signed: its address has to begin, byte by byte, with that
// of this site or of an allowed host, as browsers write it in location.href. So there is
// nothing that could be parsed in two ways: with a user name, a port, another case, a
// backslash or another alphabet, the address begins differently.
func (s site) signs(page string) bool {
	if len(page) > maxReturnTo || strings.ContainsFunc(page, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	scheme, rest, ok := strings.Cut(page, "://")
	if !ok {
		return false
	}
	host := rest
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		host = rest[:end]
	}
	path, _, _ := strings.Cut(rest, "?")
	return !strings.Contains(path, `\`) && s.allows(scheme+"://"+host)
}

// allows says whether an origin, as browsers write it, is this site's or an allowed host's.
func (s site) allows(origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	switch {
	case origin == s.sent:
		return true
	case scheme == "https":
		return s.hosts[host]
	case scheme == "http":
		u, err := url.Parse(origin)
		return err == nil && s.hosts[host] && auth.IsLoopback(u.Hostname()) && "https://"+host != s.sent
	}
	return false
}

// corsOfPages lets scripts of pages on allowed hosts read the response.
func (s *Server) corsOfPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Vary"] = []string{"Origin"}
		if origin := r.Header.Values("Origin"); len(origin) == 1 && s.site.allows(origin[0]) {
			h.Set("Access-Control-Allow-Origin", origin[0])
		}
		next.ServeHTTP(w, r)
	})
}
