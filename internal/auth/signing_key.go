package auth

import (
	"context"
	"time"
)

// SigningKey is a key that ID tokens are signed with, as it is kept.
type SigningKey struct {
	Alg        Alg
	Generation int64 // 1, 2, 3 … of its algorithm
	ID         string
	Public     string    // a JWK, as JSON
	Private    Secret    // a JWK, as JSON; empty: it signs no more, or our keys do not open it
	CreatedAt  time.Time // it is published since
	SignsAt    time.Time // and signs since
	Retired    bool      // its private half was deleted
}

// KeyStore is where signing keys live, their private halves sealed. Errors are
// StoreDown.
type KeyStore interface {
	// SigningKeys lists all, of each algorithm the oldest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// AddSigningKey adds a key unless its algorithm has one of that generation, and
	// says whether it did: of two processes that make one at once, one does.
	AddSigningKey(ctx context.Context, key SigningKey) (bool, error)
	// RetireSigningKey deletes the private half of a key.
	RetireSigningKey(ctx context.Context, id string) error
	// DropSigningKey deletes a key.
	DropSigningKey(ctx context.Context, id string) error
	// ResealSigningKeys seals with the newest of our keys what older ones have sealed.
	ResealSigningKeys(ctx context.Context) error
}

// Notice is that a client is to be told that somebody has signed out.
type Notice struct {
	ClientID  string // empty: there is none
	SessionID string // as the client knows it (sid)
	UserID    string // who may be erased by now
	NotedAt   time.Time
	Tries     int // this one included
}

// NoticeLifetime is how long it is tried to tell a client.
const NoticeLifetime = 24 * time.Hour

// OutboxStore is where notices wait. Errors are StoreDown.
type OutboxStore interface {
	ClientByID(ctx context.Context, id string) (Client, error)
	// NextNotice takes a notice that is due, and puts it off so that nobody else takes
	// it before that time. Notices of the clients of some ids are passed over. The zero
	// Notice when no other is due.
	NextNotice(ctx context.Context, now, again time.Time, passOver ...string) (Notice, error)
	// PutOffNotice says when to try again.
	PutOffNotice(ctx context.Context, n Notice, until time.Time) error
	// DropNotice deletes a notice.
	DropNotice(ctx context.Context, n Notice) error
}
