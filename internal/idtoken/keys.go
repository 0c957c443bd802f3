package idtoken

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wxlogin/internal/auth"
)

// The life of a key.
const (
	RotateEvery = 90 * 24 * time.Hour
	// publishAhead is how long the next key is published before it signs, and the previous
	// one after it has stopped signing: clients cache the key set.
	publishAhead = 24 * time.Hour
	// keepPublic is how long a key still verifies what it signed: an application may send
	// back an old ID token when somebody signs out.
	keepPublic = 400 * 24 * time.Hour
	// keepRead is how long the keys are cached.
	keepRead = 10 * time.Minute
	rsaBits  = 2048
)

// Keys holds the signing keys. It is safe for concurrent use.
type Keys struct {
	store auth.KeyStore
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	keys   []*key
	readAt time.Time
}

// key is a cached signing key.
type key struct {
	auth.SigningKey
	public  jose.JSONWebKey
	mu      sync.Mutex
	private *jose.JSONWebKey       // nil: not opened yet
	signers map[string]jose.Signer // by the typ of the token
}

// NewKeys makes a Keys. The first key of an algorithm is made when it is needed.
func NewKeys(store auth.KeyStore, now func() time.Time, log *slog.Logger) *Keys {
	return &Keys{store: store, now: now, log: log}
}

// Sign makes a token of claims, in the compact form. typ is the type of token: "JWT" for an
// ID token (RFC 7519, 5.1).
func (k *Keys) Sign(ctx context.Context, alg auth.Alg, typ string, claims any) (string, error) {
	signing, err := k.signing(ctx, alg)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	signer, err := signing.signer(typ)
	if err != nil {
		return "", fmt.Errorf("signing key %s: %w", signing.ID, err)
	}
	token, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return token.CompactSerialize()
}

func (k *key) signer(typ string) (jose.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if signer := k.signers[typ]; signer != nil {
		return signer, nil
	}
	if k.private == nil {
		var private jose.JSONWebKey
		if err := private.UnmarshalJSON([]byte(k.Private)); err != nil {
			return nil, errors.New("the stored key cannot be read") // the library's error might show part of it
		}
		k.private = &private
	}
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Alg), Key: *k.private}, options)
	if err == nil {
		k.signers[typ] = signer
	}
	return signer, err
}

// notOurs refuses a token that none of our keys has signed.
func notOurs() error { return auth.Failf(auth.BadRequest, "the token is not signed by a key of ours") }

// Verify returns the payload of a token that one of our keys has signed, expired or not.
// BadRequest for any other token, whatever algorithm it names.
func (k *Keys) Verify(ctx context.Context, token string) (payload []byte, err error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, notOurs()
	}
	header := signed.Signatures[0].Header
	keys, err := k.read(ctx, func(keys []*key) bool { return find(keys, header.KeyID) != nil })
	if err != nil {
		return nil, err
	}
	known := find(keys, header.KeyID)
	if known == nil || string(known.Alg) != header.Algorithm {
		return nil, notOurs()
	}
	payload, err = signed.Verify(known.public)
	if err != nil {
		return nil, notOurs()
	}
	return payload, nil
}

func find(keys []*key, kid string) *key {
	for _, key := range keys {
		if key.ID == kid {
			return key
		}
	}
	return nil
}

// Public returns the set of keys that clients verify tokens with, as JSON (RFC 7517).
func (k *Keys) Public(ctx context.Context) ([]byte, error) {
	keys, err := k.read(ctx, func([]*key) bool { return false })
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range keys {
		if !key.Retired {
			set.Keys = append(set.Keys, key.public)
		}
	}
	return json.Marshal(set)
}

// Ensure makes the first key of an algorithm if it has none.
func (k *Keys) Ensure(ctx context.Context, alg auth.Alg) error {
	_, err := k.signing(ctx, alg)
	return err
}

// signing returns the key that signs now, and makes the first one.
func (k *Keys) signing(ctx context.Context, alg auth.Alg) (*key, error) {
	for range 3 {
		keys, err := k.read(ctx, func(keys []*key) bool { return signs(keys, alg, k.now()) != nil })
		if err != nil {
			return nil, err
		}
		if key := signs(keys, alg, k.now()); key != nil {
			return key, nil
		}
		if err := k.add(ctx, alg, keys, k.now()); err != nil {
			return nil, err
		}
	}
	return nil, auth.Failf(auth.Unexpected, "no key to sign with by %s", alg)
}

// signs returns the newest key that may sign already; nil when there is none.
func signs(keys []*key, alg auth.Alg, now time.Time) (signing *key) {
	for _, key := range keys {
		if key.Alg == alg && key.Private != "" && !now.Before(key.SignsAt.Add(-auth.ClockSkew)) {
			signing = key
		}
	}
	return signing
}

// read returns the keys: from the cache, if that is young and enough accepts it.
func (k *Keys) read(ctx context.Context, enough func([]*key) bool) ([]*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if age := k.now().Sub(k.readAt); age >= 0 && age < keepRead && enough(k.keys) {
		return k.keys, nil
	}
	stored, err := k.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]*key, 0, len(stored))
	for _, s := range stored {
		if old := find(k.keys, s.ID); old != nil && old.SigningKey == s {
			keys = append(keys, old) // with its signers
			continue
		}
		fresh := &key{SigningKey: s, signers: make(map[string]jose.Signer)}
		if err := fresh.public.UnmarshalJSON([]byte(s.Public)); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", s.ID, err)
		}
		keys = append(keys, fresh)
	}
	k.keys, k.readAt = keys, k.now()
	return keys, nil
}

// add makes the next key of an algorithm, which signs from signsAt on. If another process
// has just added one, that one counts.
func (k *Keys) add(ctx context.Context, alg auth.Alg, keys []*key, signsAt time.Time) error {
	next := auth.SigningKey{Alg: alg, Generation: 1, CreatedAt: k.now().UTC().Truncate(time.Millisecond), SignsAt: signsAt.UTC().Truncate(time.Millisecond)}
	for _, key := range keys {
		if key.Alg == alg {
			next.Generation = max(next.Generation, key.Generation+1)
		}
	}
	var private any
	var err error
	if alg == auth.ES256 {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	}
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: private, Algorithm: string(alg), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("name a signing key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	secret, err := jwk.MarshalJSON()
	if err != nil {
		return errors.New("encode a signing key") // the library's error might show part of it
	}
	public, err := jwk.Public().MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode a public key: %w", err)
	}
	next.ID, next.Private, next.Public = jwk.KeyID, auth.Secret(secret), string(public)
	added, err := k.store.AddSigningKey(ctx, next)
	if err == nil && added {
		k.log.InfoContext(ctx, "signing key created", "kid", next.ID, "alg", alg, "signs_at", next.SignsAt)
	}
	return err
}
