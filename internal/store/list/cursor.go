package list

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"wxlogin/internal/auth"
)

// Position is a point in an order of rows: the time that the order goes by, and the id
// that breaks ties.
type Position struct {
	At int64
	ID string
}

const markBytes = 12

// cursor encodes a position for the request of the next page, or of the one before. Its
// mark covers the query too, so that it is valid for no other.
func (l *Lists) cursor(query string, p Position, back bool) string {
	direction := "n"
	if back {
		direction = "p"
	}
	text := direction + strconv.FormatInt(p.At, 10) + "." + p.ID
	return base64.RawURLEncoding.EncodeToString(append(mark(l.cursors[0], query+" "+text), text...))
}

// readCursor reads what cursor wrote, under any of the keys. BadRequest for
// anything else.
func (l *Lists) readCursor(query, cursor string) (p Position, back bool, err error) {
	forged := auth.Failf(auth.BadRequest, "cursor is not of this query's making")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	// Each cursor has one spelling: decoding alone would ignore line breaks.
	if err != nil || len(raw) <= markBytes || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return p, false, forged
	}
	text := string(raw[markBytes:])
	genuine := false
	for _, key := range l.cursors {
		genuine = genuine || hmac.Equal(raw[:markBytes], mark(key, query+" "+text))
	}
	at, id, ok := strings.Cut(text[1:], ".")
	p.ID = id
	p.At, err = strconv.ParseInt(at, 10, 64)
	if !genuine || !ok || err != nil {
		return p, false, forged
	}
	return p, text[0] == 'p', nil
}

// mark authenticates a text under one of the cursor keys.
func mark(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)[:markBytes]
}
