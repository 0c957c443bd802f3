package store

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strings"

	"wxlogin/internal/auth"
)

// sealer encrypts what must not be readable in a copy of the database. The newest key
// seals, every key opens. A sealed text is v1|kid|base64, so that rows of an old key can
// be found and resealed.
type sealer struct {
	newest string
	keys   map[string]cipher.AEAD // by kid
}

const sealVersion = "v1"

// errSealed is the only error for a text that does not open.
var errSealed = errors.New("sealed text does not open")

func newSealer(ring auth.Keyring) (*sealer, error) {
	s := &sealer{keys: map[string]cipher.AEAD{}}
	for i, key := range ring {
		block, err := aes.NewCipher(key.Subkey("token/v1"))
		if err != nil {
			return nil, err
		}
		// The nonce is random, and part of the sealed text. A key may seal 2^32 texts
		// before two nonces are likely to be the same (NIST SP 800-38D).
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.newest = key.ID
		}
		s.keys[key.ID] = aead
	}
	if s.newest == "" {
		return nil, errors.New("no key to seal refresh tokens with")
	}
	return s, nil
}

// older are the kids of all keys but the newest.
func (s *sealer) older() (kids []string) {
	for kid := range s.keys {
		if kid != s.newest {
			kids = append(kids, kid)
		}
	}
	return kids
}

// seal encrypts a text for one place; it does not open anywhere else.
func (s *sealer) seal(text auth.Secret, place string) (sealed, kid string) {
	box := s.keys[s.newest].Seal(nil, nil, []byte(text), []byte(place))
	return sealVersion + "|" + s.newest + "|" + base64.RawStdEncoding.EncodeToString(box), s.newest
}

// open returns what was sealed, or errSealed: unknown key, damaged, or moved from another
// place.
func (s *sealer) open(sealed, place string) (auth.Secret, error) {
	version, rest, _ := strings.Cut(sealed, "|")
	kid, encoded, _ := strings.Cut(rest, "|")
	key, known := s.keys[kid]
	if version != sealVersion || !known {
		return "", errSealed
	}
	box, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", errSealed
	}
	text, err := key.Open(nil, nil, box, []byte(place))
	if err != nil {
		return "", errSealed
	}
	return auth.Secret(text), nil
}

// tokenPlace binds a sealed refresh_token to its person.
func tokenPlace(appID, openID string) string {
	return "tokens:refresh_token:" + appID + ":" + openID
}
