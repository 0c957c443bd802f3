package admin

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// NewLink makes a one-time address token for the admin pages and says when it
// ends. Only the operator at a shell may.
func (s *Service) NewLink(ctx context.Context, by Actor) (token auth.Secret, ends time.Time, err error) {
	if by.kind != commandLine {
		return "", time.Time{}, auth.Failf(auth.NotAdmin, "%q makes a link", by.name)
	}
	token, ends = auth.NewToken(), s.now().Add(LinkLifetime)
	err = s.store.AddAdminLink(ctx, Link{TokenHash: auth.Hash(token), EndsAt: ends}, s.event(by, ActLinkMade, "", ""))
	return token, ends, err
}

// UseLink spends a link's token and returns the token of the session it opens.
// LinkSpent when the link has been used, has ended or never was.
func (s *Service) UseLink(ctx context.Context, link auth.Secret, device auth.Device) (auth.Secret, error) {
	token, at := auth.NewToken(), s.now()
	session := auth.Session{
		ID:         auth.NewID(),
		TokenHash:  auth.Hash(token),
		Kind:       auth.AdminSession,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(SessionLifetime),
		Device:     device,
	}
	err := s.store.SpendAdminLink(ctx, auth.Hash(link), at, session, s.event(Actor{name: ActorLink}, ActLinkUsed, "", device.RemoteAddr))
	return token, err
}

// Sessions lists the browsers let in by a link that are in still, newest first. What
// names a session opens nothing: its token is not here, nor the hash of it.
func (s *Service) Sessions(ctx context.Context) ([]auth.Session, error) {
	sessions, err := s.store.AdminSessions(ctx)
	for i := range sessions {
		sessions[i].TokenHash = ""
	}
	return sessions, err
}

// EndAdminSession puts a browser out that a link has let in: its next request is
// nobody's. NoSuchSession when no such browser is in.
func (s *Service) EndAdminSession(ctx context.Context, by Actor, sessionID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.EndAdminSession(ctx, sessionID, s.event(by, ActEndAdmin, "", ""))
}
