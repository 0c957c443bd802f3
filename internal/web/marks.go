package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"wxlogin/internal/auth"
)

// marks makes and verifies MACs of texts with our keys. The purpose separates those of
// different uses.
type marks struct {
	keys    auth.Keyring // the first makes marks, every one verifies
	purpose string       // of the subkey
	size    int          // in bytes, of up to 32
}

// of returns the MAC of a text, in base64url.
func (m marks) of(text string) string { return m.by(m.keys[0], text) }

// holds says whether mark is a MAC of text.
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
