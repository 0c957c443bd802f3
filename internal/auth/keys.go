package auth

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// Secret is a text that is never shown: printed, logged or encoded it reads [redacted].
// Only a conversion to string gives its value.
type Secret string

const redacted = "[redacted]"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// TokenLength is the length of a NewToken.
const TokenLength = 43

// NewToken makes a bearer token: 256 random bits, 43 characters of base64url.
func NewToken() Secret {
	b := make([]byte, 32)
	rand.Read(b) // never fails (Go 1.24)
	return Secret(base64.RawURLEncoding.EncodeToString(b))
}

// Hash returns the form in which a token, a state or a code is stored: its SHA-256, so that
// a copy of the database opens no session. They are random enough to need neither salt
// nor stretching.
func Hash[T ~string](token T) string {
	sum := sha256.Sum256([]byte(token))
	var text [43]byte // EncodeToString allocates twice, and every visit calls this
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return string(text[:])
}

// Key is one of the operator's keys: 32 secret bytes, and an id that is stored with what
// the key has sealed.
type Key struct {
	ID     string
	master []byte
}

const keyBytes = 32

// Subkey derives 32 bytes for one purpose, so that no two purposes share a key.
func (k Key) Subkey(purpose string) []byte {
	sub, err := hkdf.Key(sha256.New, k.master, nil, "wxlogin/"+purpose, keyBytes)
	if err != nil {
		panic(err) // only for lengths that no purpose asks for
	}
	return sub
}

// Keyring holds the operator's keys, newest first: the first seals and signs,
// and every one opens and verifies.
type Keyring []Key

var keyID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// ParseKeys reads the form of WXLOGIN_KEYS: kid:base64-of-32-bytes, separated by
// commas. Its errors give the position of a bad key and never its content.
func ParseKeys(s string) (Keyring, error) {
	var ring Keyring
	for i, item := range strings.Split(s, ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(item), ":")
		if !ok || !keyID.MatchString(id) {
			return nil, fmt.Errorf("key %d is not of the form kid:base64, kid being 1 to 32 letters, digits, - or _", i+1)
		}
		master, err := decodeKey(encoded)
		if err != nil || len(master) != keyBytes {
			return nil, fmt.Errorf("key %d (%s) is not the base64 of %d bytes", i+1, id, keyBytes)
		}
		if allEqual(master) {
			return nil, fmt.Errorf("key %d (%s) is one byte repeated, not a random key", i+1, id)
		}
		for _, other := range ring {
			if other.ID == id {
				return nil, fmt.Errorf("key %d has the same kid (%s) as an earlier one", i+1, id)
			}
		}
		ring = append(ring, Key{ID: id, master: master})
	}
	return ring, nil
}

// NewKey makes a key in the form that ParseKeys reads.
func NewKey() string {
	b := make([]byte, 3+keyBytes)
	rand.Read(b)
	return fmt.Sprintf("k%x:%s", b[:3], base64.StdEncoding.EncodeToString(b[3:]))
}

func decodeKey(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

func allEqual(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}
