package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// minZipped is the smallest page that is worth compressing, in bytes: a smaller
// one is a packet or two either way.
const minZipped = 2 << 10

// acceptsGzip reads Accept-Encoding as far as gzip is concerned (RFC 9110).
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

// zippers are kept, as each is a megabyte to make.
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
	w.Write(page) // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}
