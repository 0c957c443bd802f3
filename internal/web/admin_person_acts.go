package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// adminForm does the act of a form, and shows the person again.
func (s *Server) adminForm(do act, done string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := chi.URLParam(r, "id")
		err := do(r, confirming(r), id)
		switch {
		case errors.Is(err, admin.ErrNotConfirmed):
			return s.toUser(w, r, id, "mismatch")
		case err != nil:
			return err
		}
		return s.toUser(w, r, id, done)
	}
}

// adminRefresh fetches a profile again. A dead token is not an error of the form: the
// person's page says so.
func (s *Server) adminRefresh(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.refresh(r, adminOf(r), id)
	if auth.ReasonOf(err) == auth.NeedsLogin {
		return s.toUser(w, r, id, "needs_login")
	}
	if err != nil {
		return err
	}
	return s.toUser(w, r, id, "refreshed")
}

// confirming returns the admin with what they typed to confirm an act on a person.
func confirming(r *http.Request) admin.Actor {
	return adminOf(r).Confirming(r.PostFormValue("confirm"))
}

// adminErase deletes a person.
func (s *Server) adminErase(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	err := s.admins.Erase(r.Context(), confirming(r), id)
	switch {
	case errors.Is(err, admin.ErrNotConfirmed):
		return s.toUser(w, r, id, "mismatch")
	case err != nil:
		return err
	}
	return redirect(w, http.StatusSeeOther, with(s.backToList(r), "done", "erased"))
}

// change makes a person an admin, or revokes that.
func (s *Server) change(do func(context.Context, admin.Actor, string) (bool, error)) act {
	return func(r *http.Request, by admin.Actor, userID string) error {
		user, err := s.people.User(r.Context(), userID)
		if err != nil {
			return err
		}
		admins, err := s.admins.Admins(r.Context())
		if err != nil {
			return err
		}
		identity, _ := s.adminBy(user, admins)
		name := s.admins.NameOf(identity)
		if name == "" {
			return auth.Failf(auth.BadRequest, "user %s is of an account that is not configured", user.ID)
		}
		_, err = do(r.Context(), by, name)
		return err
	}
}

// endSession ends the session that the address names.
func (s *Server) endSession(r *http.Request, by admin.Actor, userID string) error {
	return s.admins.EndSession(r.Context(), by, userID, chi.URLParam(r, "session"))
}

func (s *Server) endApp(r *http.Request, by admin.Actor, userID string) error {
	err := s.admins.EndAccess(r.Context(), by, userID, chi.URLParam(r, "client"))
	if auth.ReasonOf(err) == auth.NoSuchClient {
		return nil // its access has ended already
	}
	return err
}

func (s *Server) joinGroup(r *http.Request, by admin.Actor, userID string) error {
	_, err := s.admins.JoinGroup(r.Context(), by, userID, strings.TrimSpace(r.PostFormValue("group")))
	return err
}

func (s *Server) leaveGroup(r *http.Request, by admin.Actor, userID string) error {
	_, err := s.admins.LeaveGroup(r.Context(), by, userID, r.PostFormValue("group"))
	return err
}

// apiExportUser sends all that is stored on a person, as a file.
func (s *Server) apiExportUser(w http.ResponseWriter, r *http.Request) error {
	user, err := s.people.User(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	// The export is recorded before any data is sent.
	if err := s.admins.RecordExport(r.Context(), adminOf(r), user.ID, exportedPerson); err != nil {
		return err
	}
	return s.exportPersonalData(w, r, user.ID, "wxlogin-"+user.ID+".json")
}
