package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"wxlogin/internal/auth"
)

// marks are what nobody without our keys can make of a text. The purpose keeps those
// of one use from another.
type marks struct {
	keys    auth.Keyring // the first makes them, each is believed
	purpose string       // of the subkey
	size    int          // in bytes, of up to 32
}

// of returns the mark of a text, in base64url.
func (m marks) of(text string) string { return m.by(m.keys[0], text) }

// holds says whether a mark is that of a text.
func (m marks) holds(mark, text string) bool {
	for _, key := range m.keys {
		if hmac.Equal([]byte(mark), []byte(m.by(key, text))) {
			return true
		}
	}
	return false
}

func (m marks) by(key auth.Key, text string) string {
	mac := hmac.New(sha256.New, key.Subkey(m.purpose))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:m.size])
}
