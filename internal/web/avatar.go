package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// avatar serves our copy of a person's picture, to themselves and to admins. To anybody
// else, and for a person without a picture and an unknown id, it serves the same drawing,
// so that the answer does not reveal who is stored.
func (s *Server) avatar(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "user")
	var picture auth.Picture
	may, err := s.maySee(r, id)
	if err == nil && may {
		picture, err = s.picture(r.Context(), id)
	}
	if err != nil {
		return err
	}
	kept := "private, max-age=3600"
	if len(picture.Body) == 0 {
		kept = "private, no-cache" // revalidated every time: the copy may come a moment later
	}
	s.servePicture(w, r, picture, kept)
	return nil
}

// servePicture answers with a person's picture, or with the drawing if they have none.
func (s *Server) servePicture(w http.ResponseWriter, r *http.Request, picture auth.Picture, cacheControl string) {
	contentType, etag, body := picture.Type, picture.ETag, picture.Body
	if len(body) == 0 {
		person := s.assets.files["person.svg"]
		contentType, etag, body = person.contentType, person.hash, person.plain
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", `"`+etag+`"`)
	h.Set("Cache-Control", cacheControl)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body)) // answers If-None-Match
}

// pictureWait is how long a request for a picture waits for the copy that the login has
// queued.
const pictureWait = 2 * time.Second

// picture reads a person's picture. If there is none and one is being copied, it waits for
// it.
func (s *Server) picture(ctx context.Context, userID string) (auth.Picture, error) {
	picture, err := s.personal.Picture(ctx, userID)
	if err != nil || len(picture.Body) > 0 {
		return picture, err
	}
	waiting, cancel := context.WithTimeout(ctx, pictureWait)
	defer cancel()
	if !s.config.Pictures.Wait(waiting, userID) {
		return picture, nil
	}
	return s.personal.Picture(ctx, userID)
}

// maySee says whether the request comes from the person themselves or an admin.
func (s *Server) maySee(r *http.Request, userID string) (bool, error) {
	visit, err := s.visitor(r)
	if err == nil && visit.User.ID == userID {
		return true, nil
	}
	if err == nil || auth.ReasonOf(err) == auth.NotSignedIn {
		_, err = s.enter(r)
	}
	switch auth.ReasonOf(err) {
	case "":
		return true, nil
	case auth.NotSignedIn, auth.NotAdmin, auth.SignInAgain:
		return false, nil
	}
	return false, err
}
