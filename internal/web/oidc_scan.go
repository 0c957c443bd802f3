package web

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// signsInTo returns the application that a login leads to; the zero Client if it leads to
// none that we know. The phone shows it: confirming a desktop gives the desktop access to
// the application.
func (s *Server) signsInTo(ctx context.Context, returnTo string) (auth.Client, error) {
	u, err := url.Parse(returnTo)
	if err != nil || u.Host != "" && !strings.EqualFold(u.Scheme+"://"+u.Host, s.site.origin) {
		return auth.Client{}, nil
	}
	// With a slash at the end, the address leads to the same (see noSuchPage).
	if strings.TrimRight(u.Path, "/") != s.site.prefix+"/oidc/authorize" {
		return auth.Client{}, nil
	}
	client, err := s.grants.Client(ctx, u.Query().Get("client_id"))
	if auth.ReasonOf(err) == auth.NoSuchClient {
		return auth.Client{}, nil
	}
	return client, err
}

// clientByNumber returns the application of a ticket; the zero Client for number 0.
func (s *Server) clientByNumber(ctx context.Context, number uint16) (auth.Client, error) {
	if number == 0 {
		return auth.Client{}, nil
	}
	clients, err := s.admins.Clients(ctx)
	if err != nil {
		return auth.Client{}, err
	}
	i := slices.IndexFunc(clients, func(c auth.Client) bool { return uint16(c.Number) == number })
	if i < 0 {
		return auth.Client{}, auth.Failf(auth.ScanSpent, "the application is gone")
	}
	return clients[i], nil
}
