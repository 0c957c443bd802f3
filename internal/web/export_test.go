package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/templates"
)

// NewQuickly makes a server as New does, with the pages that the program has. They are looked at
// once: doing so with each costs more than what most tests do with it.
func NewQuickly(config Config) (*Server, error) {
	words, err := lookedAt()
	if err != nil {
		return nil, err
	}
	config.Templates, config.words = templates.FS, words
	return New(config)
}

var lookedAt = sync.OnceValues(func() (map[string]words, error) {
	assets, err := newAssets()
	if err != nil {
		return nil, err
	}
	r, err := newRenderer(rendererConfig{files: templates.FS, assets: assets, fallback: languages[0], zone: time.UTC})
	if err != nil {
		return nil, err
	}
	return r.words, nil
})

// Routes lists every route as "METHOD /path".
func (s *Server) Routes() (list []string) {
	err := chi.Walk(s.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		list = append(list, method+" "+route)
		return nil
	})
	if err != nil {
		panic(err)
	}
	return list
}

// SetPatience sets how long the next part of an answer of any length may take, and
// all of a person's export.
func (s *Server) SetPatience(chunk, export time.Duration) { s.patience = patience{chunk, export} }
