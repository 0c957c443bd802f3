package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// avatar is our copy of a person's picture, for themselves and for
// administrators. Anybody else, a person without a picture and nobody at all get
// the same drawing, so that the answer tells nothing of who is stored.
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
	h := w.Header()
	body := picture.Body
	if len(body) > 0 {
		h.Set("Content-Type", picture.Type)
		h.Set("ETag", `"`+picture.ETag+`"`)
		h.Set("Cache-Control", "private, max-age=3600")
	} else {
		person := s.assets.files["person.svg"]
		body = person.plain
		h.Set("Content-Type", person.contentType)
		h.Set("ETag", `"`+person.hash+`"`)
		// Asked for again every time: the copy may be a moment late.
		h.Set("Cache-Control", "private, no-cache")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body)) // answers If-None-Match
	return nil
}

// pictureWait is how long a page's picture waits for the copy that its login has
// asked for.
const pictureWait = 2 * time.Second

// picture reads a person's picture; when none is there and one is on its way, it
// waits a moment.
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

// maySee says whether the request comes from that person or an admin.
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
