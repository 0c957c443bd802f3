package web

import (
	"context"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// What pages read from the database, by subject. Errors are *auth.Error, StoreDown unless said
// otherwise.

// People reads one person and what belongs to them, for the page about them.
type People interface {
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (auth.User, error)
	// UserSessions returns the latest sessions, at most auth.MaxSessions.
	UserSessions(ctx context.Context, userID string) ([]auth.Session, error)
	UserLogins(ctx context.Context, userID string, limit int) ([]auth.Login, error)
	// Token returns what is known about a refresh_token, nil when none is stored.
	Token(ctx context.Context, userID string) (*admin.TokenInfo, error)
}

// Lists reads people by search, filter and order.
type Lists interface {
	// Users returns a page, BadRequest for a query that makes no sense.
	Users(context.Context, admin.UserQuery) (admin.UserPage, error)
	// EachUser calls f for all matching people, in order, and stops at its error.
	EachUser(ctx context.Context, query admin.UserQuery, f func(auth.User) error) error
	CountUsers(context.Context, admin.UserQuery) (int64, error)
}

// AuditLog reads the audit log.
type AuditLog interface {
	// Events returns a page, BadRequest for a query that makes no sense.
	Events(context.Context, admin.EventQuery) (admin.EventPage, error)
	// EachEvent calls f for all matching events, newest first, and stops at its error.
	EachEvent(ctx context.Context, query admin.EventQuery, f func(admin.NamedEvent) error) error
	// FailedLogins returns the logins that failed in a request.
	FailedLogins(ctx context.Context, requestID string) ([]auth.Login, error)
}

// Statistics reads the numbers and charts of the dashboard.
type Statistics interface {
	Counts(ctx context.Context, since time.Time) (admin.Counts, error)
	Activity(ctx context.Context, since time.Time) (admin.Activity, error)
}

// PersonalStore reads and writes what is stored on one person, for themselves.
type PersonalStore interface {
	// EachOfPersonalData calls visit with all of it. NoSuchUser, before any call, when
	// there is no such person.
	EachOfPersonalData(ctx context.Context, userID string, visit admin.PersonalDataVisitor) error
	// Picture returns the stored copy of a person's picture; the zero Picture when there
	// is none.
	Picture(ctx context.Context, userID string) (auth.Picture, error)
	// PictureSource returns where the stored copy of a person's picture came from; empty
	// when there is none.
	PictureSource(ctx context.Context, userID string) (string, error)
	// SaveOwnProfile saves what a person has entered about themselves, where WeChat has
	// given nothing.
	SaveOwnProfile(context.Context, auth.OwnProfile) error
}
