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

// A mini program signs in by a call, and holds the token of its session itself: it
// sends it in a header, as there are no cookies in a mini program. The session is one as
// every other.

// bearerToken is the token of a mini program's session that a request comes with, live
// or not; empty for none. An application's own, in the same header, is no business of
// ours.
func bearerToken(r *http.Request) string {
	headers := r.Header["Authorization"]
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !auth.IsMiniToken(token) {
		return ""
	}
	return token
}

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
	// The session has begun, whether or not it can be told whom they follow.
	person, err := s.personJSON(r.Context(), visit.User)
	s.note(r, err)
	return s.json(w, r, struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"` // if it is not used until then
		Person    userJSON  `json:"person"`
		New       bool      `json:"new"`
	}{string(token), inSeconds(s.endsAt(&visit.Session)), person, isNew})
}

// endsAt is when a session ends that nobody uses from now on.
func (s *Server) endsAt(session *auth.Session) time.Time {
	if idle := s.now().Add(s.rules.Idle); idle.Before(session.EndsAt) {
		return idle
	}
	return session.EndsAt
}

// What WeChat says of a code of wx.login that a mini program has to know.
const (
	tooManyCodes = 45011 // of one person, in a minute (official)
	weChatStops  = -1    // system error (official)
)

// miniFailure gives an error the status that a mini program can go by.
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

// readJSON reads a request's body, and nothing behind it: of a POST one that does not
// say that it is a form, as curl -d does. Whoever sends another is told what it should
// be; it may hold a code, so nothing of it is said.
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
	// maxOwnPicture bounds a picture that a person sends, in bytes.
	maxOwnPicture = 512 << 10
	// ownPictures says what a picture may be, to whoever has sent another.
	ownPictures = "JPEG | PNG | GIF, ≤ 4096 px, ≤ 4 MP"
	// maxOwnProfile bounds the request: base64 is a third longer.
	maxOwnProfile = maxOwnPicture*4/3 + 16<<10
)

// ownProfilePath takes a picture, the one body that is larger than a form.
const ownProfilePath = "/api/me/profile"

// saveOwnProfile takes nickname and picture from the form of a mini program.
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
			s.log.InfoContext(r.Context(), "a picture of somebody's own is none", "request_id", requestID(r), "error", err)
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
