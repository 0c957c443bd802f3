package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// An access token names a grant and the time when it ends, and carries a MAC by one of
// our keys. Nothing of it is in the database: nobody can make a token from a copy of the
// database, and issuing one writes nothing. What it opens is up to the grant, which is
// read each time.

// accessTokens makes and opens access tokens.
type accessTokens struct {
	keys [][]byte // newest first: the first signs, every one verifies
	next []byte   // derives a refresh token from the previous one
}

const (
	accessMAC   = 16                 // bytes
	accessBytes = 16 + 8 + accessMAC // the grant, the end with the session bit, the MAC
)

func newAccessTokens(keys Keyring) *accessTokens {
	t := &accessTokens{}
	for _, key := range keys {
		t.keys = append(t.keys, key.Subkey("oidc/access/v1"))
	}
	if len(keys) > 0 {
		t.next = keys[0].Subkey("oidc/refresh/v1")
	}
	return t
}

// accessToken is what a token says.
type accessToken struct {
	grantID string
	endsAt  time.Time
	// session says that the token was issued while the grant's session was alive, and
	// ends with it.
	session bool
}

func (t accessToken) alive(now time.Time) bool {
	left := t.endsAt.Sub(now)
	return left > 0 && left <= AccessLifetime+ClockSkew
}

// make makes a token for a grant.
func (t *accessTokens) make(g *Grant, at time.Time) Secret {
	id := uuid.MustParse(g.ID) // our own
	end := uint64(at.Add(AccessLifetime).UnixMilli()) << 1
	if g.InSession {
		end |= 1
	}
	b := binary.BigEndian.AppendUint64(id[:], end)
	return Secret(base64.RawURLEncoding.EncodeToString(append(b, macOf(t.keys[0], b)...)))
}

// open reads a token; false for one that we have not made.
func (t *accessTokens) open(token Secret) (accessToken, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(token))
	if err != nil || len(b) != accessBytes || base64.RawURLEncoding.EncodeToString(b) != string(token) {
		return accessToken{}, false
	}
	signed := b[:accessBytes-accessMAC]
	for _, key := range t.keys {
		if hmac.Equal(macOf(key, signed), b[len(signed):]) {
			end := binary.BigEndian.Uint64(signed[16:])
			return accessToken{
				grantID: uuid.UUID(signed[:16]).String(),
				endsAt:  time.UnixMilli(int64(end >> 1)),
				session: end&1 == 1,
			}, true
		}
	}
	return accessToken{}, false
}

func macOf(key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(signed)
	return mac.Sum(nil)[:accessMAC]
}

// after derives the secret of the refresh token that replaces another.
func (t *accessTokens) after(grantID string, secret Secret) Secret {
	mac := hmac.New(sha256.New, t.next)
	mac.Write([]byte(grantID + "\n" + string(secret)))
	return Secret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

// A refresh token is the id of its grant and a secret of 256 bits. By the id, a token that
// was replaced long ago is still recognized.

const grantIDChars = 22 // of 16 bytes in base64url

func refreshToken(grantID string, secret Secret) Secret {
	id := uuid.MustParse(grantID)
	return Secret(base64.RawURLEncoding.EncodeToString(id[:])) + secret
}

func openRefreshToken(token Secret) (grantID string, secret Secret, ok bool) {
	const secretChars = 43
	if len(token) != grantIDChars+secretChars {
		return "", "", false
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(string(token[:grantIDChars]))
	if err != nil || len(id) != 16 {
		return "", "", false
	}
	return uuid.UUID(id).String(), token[grantIDChars:], true
}
