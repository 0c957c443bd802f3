package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// assets are the static files of the pages. An address contains the hash of its file, so
// browsers cache it for ever, and a new version has a new address.
type assets struct {
	files map[string]asset // by name
}

type asset struct {
	hash        string
	contentType string
	plain       []byte
	gzipped     []byte // nil if it is not smaller
}

// builtAssets makes the assets once in a process: compressing them takes as long as
// everything else at the start of a server.
var builtAssets = sync.OnceValues(newAssets)

func newAssets() (*assets, error) {
	a := &assets{files: make(map[string]asset)}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		a.files[strings.TrimPrefix(name, "static/")] = newAsset(mime.TypeByExtension(path.Ext(name)), data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	return a, nil
}

func newAsset(contentType string, data []byte) asset {
	sum := sha256.Sum256(data)
	file := asset{hash: hex.EncodeToString(sum[:6]), contentType: contentType, plain: data}
	if zipped := compress(data); len(zipped) < len(data)*9/10 {
		file.gzipped = zipped
	}
	return file
}

// assetsWith returns our assets and the site's logo, if it has one.
func assetsWith(logo *Logo) (*assets, error) {
	built, err := builtAssets()
	if err != nil || logo == nil {
		return built, err
	}
	files := maps.Clone(built.files)
	files[logoName] = newAsset(logo.ContentType, logo.Data)
	return &assets{files}, nil
}

func compress(data []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is valid
	w.Write(data)                                           // a bytes.Buffer never fails
	w.Close()
	return buf.Bytes()
}

// path returns the address of a file.
func (a *assets) path(prefix, name string) (string, error) {
	file, ok := a.files[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return prefix + "/static/" + file.hash + "/" + name, nil
}

// serve answers /static/HASH/NAME. With the hash of another version, the file is served but
// not cached: during a rolling restart a page of one process may load files from another.
func (a *assets) serve(w http.ResponseWriter, r *http.Request, hash, name string) bool {
	file, ok := a.files[name]
	if !ok {
		return false
	}
	h := w.Header()
	if hash == file.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Type", file.contentType)
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if file.gzipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = file.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body) // if it fails, the browser has disconnected
	return true
}
