package move

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// repair replaces invalid UTF-8 in texts and drops NUL characters, which SQLite stores as
// they come and PostgreSQL refuses. It returns how many texts it has changed.
func repair(row []any) (n int64) {
	for i, value := range row {
		text, ok := value.(string)
		if whole := strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD"); ok && whole != text {
			row[i] = whole
			n++
		}
	}
	return n
}

// digest is the hash of a row's values. Both engines give the same types.
func digest(row []any) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, value := range row {
		switch v := value.(type) {
		case nil:
			io.WriteString(h, "n;")
		case string:
			fmt.Fprintf(h, "t%d:%s;", len(v), v)
		case []byte:
			fmt.Fprintf(h, "b%d:%s;", len(v), v)
		default:
			fmt.Fprintf(h, "%T%v;", v, v)
		}
	}
	return [sha256.Size]byte(h.Sum(sum[:0]))
}

// total is a checksum of rows in any order: engines order texts differently.
type total struct {
	rows int64
	sum  [sha256.Size]byte
}

func (t *total) add(row []any) {
	one := digest(row)
	subtle.XORBytes(t.sum[:], t.sum[:], one[:])
	t.rows++
}

func (t *total) String() string { return hex.EncodeToString(t.sum[:8]) }
