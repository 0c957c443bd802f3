package admin

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// NewLink makes the token of an admin link, which opens the admin pages once, and returns
// when the link ends. Only the operator at a shell may make one.
func (s *Service) NewLink(ctx context.Context, by Actor) (token auth.Secret, ends time.Time, err error) {
	if by.kind != commandLine {
		return "", time.Time{}, auth.Failf(auth.NotAdmin, "%q makes a link", by.name)
	}
	token, ends = auth.NewToken(), s.now().Add(LinkLifetime)
	err = s.store.AddAdminLink(ctx, Link{TokenHash: auth.Hash(token), EndsAt: ends}, s.event(by, ActLinkMade, "", ""))
	return token, ends, err
}

// UseLink spends a link's token and returns the token of the session that it opens.
// LinkSpent when the link has been used, has ended or never existed.
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

// Sessions lists the live sessions of browsers let in by a link, newest first, without the
// hashes of their tokens.
func (s *Service) Sessions(ctx context.Context) ([]auth.Session, error) {
	sessions, err := s.store.AdminSessions(ctx)
	for i := range sessions {
		sessions[i].TokenHash = ""
	}
	return sessions, err
}

// EndAdminSession ends the session of a browser let in by a link: its next request is
// refused. NoSuchSession when there is none with this id.
func (s *Service) EndAdminSession(ctx context.Context, by Actor, sessionID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.EndAdminSession(ctx, sessionID, s.event(by, ActEndAdmin, "", ""))
}
