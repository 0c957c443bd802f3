package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// minZipped is the size in bytes from which a page is compressed: a smaller one takes a
// packet or two either way.
const minZipped = 2 << 10

// acceptsGzip says whether Accept-Encoding allows gzip (RFC 9110).
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(header(r, "Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight != "q=0" && strings.Trim(weight, "0.") != "q="
		}
	}
	return false
}

// zippers are reused: making one allocates a megabyte.
var zippers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return w
}}

// zip compresses a page.
func zip(page []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(page) / 3)
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&out)
	w.Write(page) // a bytes.Buffer never fails
	w.Close()
	return out.Bytes()
}
