package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// A mini program signs in by a call. It has no cookies: it keeps the token of its session
// itself and sends it in a header. Otherwise its session is like any other.

// forMini says whether a request is the login of a mini program.
func (s *Server) forMini(r *http.Request) bool { return strings.HasPrefix(s.below(r), "/mini/") }

// miniLogin signs a mini program in.
func (s *Server) miniLogin(w http.ResponseWriter, r *http.Request) error {
	account, err := s.rules.Named(chi.URLParam(r, "account"))
	switch {
	case err != nil:
		return err
	case account.Kind != auth.MiniProgram:
		return auth.Failf(auth.NoSuchAccount, "account %q is no mini program", account.Name)
	}
	var asked struct {
		Code string `json:"code"`
	}
	if err := readJSON(r, &asked, `{"code":"…"}`); err != nil {
		return err
	}
	if !codeForm.MatchString(asked.Code) {
		return refuseParameter("code", "wx.login")
	}
	name, token := nameDevice(device(r).UserAgent), auth.NewMiniToken()
	visit, isNew, err := s.auth.SignInMini(r.Context(), auth.MiniArrival{
		Account:    account,
		Code:       asked.Code,
		Token:      token,
		Device:     device(r),
		SameDevice: func(other auth.Device) bool { return nameDevice(other.UserAgent) == name },
		RequestID:  requestID(r),
	})
	if err != nil {
		return s.miniFailure(w, r, err)
	}
	s.note(r, s.admins.RecordSignIn(r.Context(), visit))
	// The session has begun, even if the accounts that they follow cannot be read.
	person, err := s.personJSON(r.Context(), visit.User)
	if err != nil {
		s.log.WarnContext(r.Context(), "subscribed left out", "request_id", requestID(r), "user", visit.User.ID, "error", err)
	}
	return s.json(w, r, struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"` // if it is not used before
		Person    userJSON  `json:"person"`
		New       bool      `json:"new"`
	}{string(token), inSeconds(s.endsAt(&visit.Session)), person, isNew})
}

// endsAt returns when a session ends if it is not used from now on.
func (s *Server) endsAt(session *auth.Session) time.Time {
	if idle := s.now().Add(s.rules.Idle); idle.Before(session.EndsAt) {
		return idle
	}
	return session.EndsAt
}

// WeChat's errcodes for a code of wx.login that a mini program has to know about.
const (
	tooManyCodes = 45011 // too many of one person in a minute (official)
	weChatStops  = -1    // system error (official)
)

// miniFailure gives an error the reason that tells a mini program what to do.
func (s *Server) miniFailure(w http.ResponseWriter, r *http.Request, err error) error {
	switch auth.ReasonOf(err) {
	case auth.CodeSpent:
		return auth.Fail(auth.MiniCodeSpent, err)
	case auth.IdentityClash:
		s.note(r, s.admins.RecordIdentityClash(r.Context(), device(r)))
	}
	switch auth.ErrcodeOf(err) {
	case tooManyCodes:
		w.Header().Set("Retry-After", "60")
		return auth.Fail(auth.RateLimited, err)
	case weChatStops:
		return auth.Fail(auth.WeChatFailed, err)
	}
	return err
}

// readJSON reads a request's body, which has to be one JSON value. readForm has consumed the
// body of a POST that says that it is a form, as curl -d does. The error says what the body
// should be, and repeats nothing of it: it may contain a code.
func readJSON(r *http.Request, into any, form string) error {
	body := json.NewDecoder(r.Body)
	err := body.Decode(into)
	if err == nil {
		if _, err = body.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	return refuseParameter("application/json", "%s", form)
}

const (
	// maxOwnPicture bounds an uploaded picture, in bytes.
	maxOwnPicture = 512 << 10
	// ownPictures says, in an error, what a picture may be.
	ownPictures = "JPEG | PNG | GIF, ≤ 4096 px, ≤ 4 MP"
	// maxOwnProfile bounds the request: base64 is a third longer.
	maxOwnProfile = maxOwnPicture*4/3 + 16<<10
)

// ownProfilePath accepts a picture, the only body that is larger than a form.
const ownProfilePath = "/api/me/profile"

// saveOwnProfile saves nickname and picture from the form of a mini program.
func (s *Server) saveOwnProfile(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	switch {
	case err != nil:
		return err
	case s.rules.Account(visit.User.AppID).Kind != auth.MiniProgram:
		return auth.Failf(auth.NotMini, "user %s has come by another account", visit.User.ID)
	}
	var asked struct {
		Nickname *string `json:"nickname"`
		Picture  *string `json:"picture"`
	}
	if err := readJSON(r, &asked, `{"nickname":"…","picture":"…"}`); err != nil {
		return err
	}
	own := auth.OwnProfile{UserID: visit.User.ID}
	if asked.Nickname != nil {
		own.Nickname = new(auth.Profile{Nickname: *asked.Nickname}.Clean().Nickname)
	}
	if asked.Picture != nil && s.config.Pictures != nil {
		file, err := base64.StdEncoding.DecodeString(*asked.Picture)
		switch {
		case err != nil:
			return refuseParameter("picture", "base64")
		case len(file) > maxOwnPicture:
			return auth.Failf(auth.TooLarge, "a picture of %d bytes", len(file))
		}
		picture, err := s.config.Pictures.Own(r.Context(), visit.User.ID, file)
		if auth.ReasonOf(err) == auth.BadRequest {
			s.log.InfoContext(r.Context(), "uploaded picture rejected", "request_id", requestID(r), "error", err)
			return refuseParameter("picture", ownPictures)
		}
		if err != nil {
			return err
		}
		own.Picture = &picture
	}
	if err := s.personal.SaveOwnProfile(r.Context(), own); err != nil {
		return err
	}
	if visit, err = s.config.Sessions.Visit(r.Context(), visit.Session.Kind, visit.Session.TokenHash); err != nil {
		return err
	}
	return s.personAnswer(w, r, visit.User)
}

// endBearer ends the session of a mini program.
func (s *Server) endBearer(w http.ResponseWriter, r *http.Request, token string) error {
	if err := s.config.Sessions.DeleteSession(r.Context(), auth.VisitorSession, auth.Hash(token)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
