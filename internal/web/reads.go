package web

import (
	"context"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// What pages read, by who asks. Errors are *auth.Error, StoreDown unless said
// otherwise.

// People are one person and what goes with them, for the page about them.
type People interface {
	// User returns one person, NoSuchUser when there is none.
	User(ctx context.Context, id string) (auth.User, error)
	// UserSessions returns the latest, at most auth.MaxSessions.
	UserSessions(ctx context.Context, userID string) ([]auth.Session, error)
	UserLogins(ctx context.Context, userID string, limit int) ([]auth.Login, error)
	// Token returns what is known of a refresh_token, nil when none is stored.
	Token(ctx context.Context, userID string) (*admin.TokenInfo, error)
}

// Lists are people by search, filter and order.
type Lists interface {
	// Users returns a page, BadRequest for a query that makes no sense.
	Users(context.Context, admin.UserQuery) (admin.UserPage, error)
	// EachUser calls f for all that match, in order, and stops at its error.
	EachUser(ctx context.Context, query admin.UserQuery, f func(auth.User) error) error
	CountUsers(context.Context, admin.UserQuery) (int64, error)
}

// AuditLog is what admins did.
type AuditLog interface {
	// Events returns a page, BadRequest for a query that makes no sense.
	Events(context.Context, admin.EventQuery) (admin.EventPage, error)
	// EachEvent calls f for all that match, newest first, and stops at its error.
	EachEvent(ctx context.Context, query admin.EventQuery, f func(admin.NamedEvent) error) error
	// FailedLogins returns the logins that failed in a request.
	FailedLogins(ctx context.Context, requestID string) ([]auth.Login, error)
}

// Statistics are the numbers and charts of the dashboard.
type Statistics interface {
	Counts(ctx context.Context, since time.Time) (admin.Counts, error)
	Activity(ctx context.Context, since time.Time) (admin.Activity, error)
}

// PersonalStore is what is stored on one person, for themselves.
type PersonalStore interface {
	// EachOfPersonalData hands over all of it, NoSuchUser before anything else when
	// there is no such person.
	EachOfPersonalData(ctx context.Context, userID string, visit admin.PersonalDataVisitor) error
	// Picture returns the copy kept of a person's picture, the zero Picture when
	// there is none.
	Picture(ctx context.Context, userID string) (auth.Picture, error)
	// PictureSource is where the copy kept of a person's picture came from; empty
	// when there is none.
	PictureSource(ctx context.Context, userID string) (string, error)
	// SaveOwnProfile writes what a person tells of themselves, where WeChat has told
	// nothing.
	SaveOwnProfile(context.Context, auth.OwnProfile) error
}
