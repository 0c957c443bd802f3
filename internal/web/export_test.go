package web

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

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
