package web

import "net/http"

// avatar is a person's picture.
func (s *Server) avatar(w http.ResponseWriter, r *http.Request) error {
	person := s.assets.files["person.svg"]
	h := w.Header()
	h.Set("Content-Type", person.contentType)
	h.Set("Cache-Control", "private, max-age=300")
	w.Write(person.plain) // a browser that has gone is no fault
	return nil
}
