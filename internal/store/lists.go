package store

import (
	"context"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// AccessTo implements admin.Store.
func (s *Store) AccessTo(ctx context.Context, q admin.AccessQuery) (admin.AccessPage, error) {
	return s.lists.AccessTo(ctx, q)
}

// ClientUse implements admin.Store.
func (s *Store) ClientUse(ctx context.Context, clientID string, among int) (admin.ClientUse, error) {
	return s.lists.ClientUse(ctx, clientID, among)
}

// Users returns one page of people (see list.Lists.Users).
func (s *Store) Users(ctx context.Context, q admin.UserQuery) (admin.UserPage, error) {
	return s.lists.Users(ctx, q)
}

// EachUser calls visit for everyone who matches (see list.Lists.EachUser).
func (s *Store) EachUser(ctx context.Context, q admin.UserQuery, visit func(auth.User) error) error {
	return s.lists.EachUser(ctx, q, visit)
}

// CountUsers counts everyone who matches (see list.Lists.CountUsers).
func (s *Store) CountUsers(ctx context.Context, q admin.UserQuery) (int64, error) {
	return s.lists.CountUsers(ctx, q)
}

// Events returns one page of the audit log (see list.Lists.Events).
func (s *Store) Events(ctx context.Context, q admin.EventQuery) (admin.EventPage, error) {
	return s.lists.Events(ctx, q)
}

// EachEvent calls visit for every entry that matches (see list.Lists.EachEvent).
func (s *Store) EachEvent(ctx context.Context, q admin.EventQuery, visit func(admin.NamedEvent) error) error {
	return s.lists.EachEvent(ctx, q, visit)
}
