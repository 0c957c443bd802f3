package auth

import (
	"context"
	"time"
)

// SigningKey is a key that signs ID tokens, as it is stored.
type SigningKey struct {
	Alg        Alg
	Generation int64 // 1, 2, 3 … of its algorithm
	ID         string
	Public     string    // a JWK, as JSON
	Private    Secret    // a JWK, as JSON; empty: it no longer signs, or our keys do not open it
	CreatedAt  time.Time // it is published from then on
	SignsAt    time.Time // it signs from then on
	Retired    bool      // its private half was deleted
}

// KeyStore stores signing keys, with their private halves sealed. Errors are StoreDown.
type KeyStore interface {
	// SigningKeys lists all keys; within an algorithm, the oldest comes first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// AddSigningKey adds a key unless its algorithm has one of that generation, and says
	// whether it did: if two processes add one at once, only one succeeds.
	AddSigningKey(ctx context.Context, key SigningKey) (bool, error)
	// RetireSigningKey deletes the private half of a key.
	RetireSigningKey(ctx context.Context, id string) error
	// DropSigningKey deletes a key.
	DropSigningKey(ctx context.Context, id string) error
	// ResealSigningKeys reseals private halves of older keys of ours with the newest.
	ResealSigningKeys(ctx context.Context) error
}

// Notice is a logout that a client has to be notified of.
type Notice struct {
	ClientID  string // empty: there is no notice
	SessionID string // as the client knows it (sid)
	UserID    string // of a person who may have been erased
	NotedAt   time.Time
	Tries     int // this one included
}

// NoticeLifetime is how long the delivery of a notice is retried.
const NoticeLifetime = 24 * time.Hour

// OutboxStore stores the notices that wait. Errors are StoreDown.
type OutboxStore interface {
	ClientByID(ctx context.Context, id string) (Client, error)
	// NextNotice takes a notice that is due and postpones it to again, so that nobody else
	// takes it before. Notices of the clients in passOver are skipped. The zero Notice when
	// no other is due.
	NextNotice(ctx context.Context, now, again time.Time, passOver ...string) (Notice, error)
	// PutOffNotice postpones the next try.
	PutOffNotice(ctx context.Context, n Notice, until time.Time) error
	// DropNotice deletes a notice.
	DropNotice(ctx context.Context, n Notice) error
}
