package store

import (
	"context"

	"wxlogin/internal/auth"
)

// Dossier bridges to Export until that returns auth.Dossier.
func (s *Store) Dossier(ctx context.Context, userID string) (auth.Dossier, error) {
	e, err := s.Export(ctx, userID)
	d := auth.Dossier{User: e.User, Sessions: e.Sessions, Logins: e.Logins, Events: e.Events}
	if e.Token != nil {
		d.Token = &auth.TokenInfo{Scope: e.Token.Scope, IssuedAt: e.Token.IssuedAt, EndsAt: e.Token.EndsAt, DeadReason: e.Token.DeadReason}
	}
	return d, err
}
