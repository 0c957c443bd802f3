package web

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// userJSON is a person as the API shows them. Its fields are fixed.
type userJSON struct {
	ID               string     `json:"id"`
	AppID            string     `json:"appid"`
	OpenID           string     `json:"openid"`
	UnionID          *string    `json:"unionid"`
	Nickname         string     `json:"nickname"`
	Sex              int        `json:"sex"`
	Language         string     `json:"language"`
	Country          string     `json:"country"`
	Province         string     `json:"province"`
	City             string     `json:"city"`
	AvatarURL        string     `json:"avatar_url"`
	Privilege        []string   `json:"privilege"`
	Scope            auth.Scope `json:"scope"`
	Blocked          bool       `json:"blocked"`
	FirstLoginAt     time.Time  `json:"first_login_at"`
	LastLoginAt      time.Time  `json:"last_login_at"`
	ProfileUpdatedAt *time.Time `json:"profile_updated_at"`
	LoginCount       int64      `json:"login_count"`

	Account    string         `json:"account"`    // of appid and openid; empty if it is not configured any more
	Identities []identityJSON `json:"identities"` // all, the first one first

	// Subscribed says whether they follow the account. It points to nil if that is unknown,
	// and is nil if WeChat is not asked at all.
	Subscribed **bool `json:"subscribed,omitempty"`
}

// identityJSON is one of a person's identities.
type identityJSON struct {
	Account string  `json:"account"` // empty if it is not configured any more
	AppID   string  `json:"appid"`
	OpenID  string  `json:"openid"`
	UnionID *string `json:"unionid"`

	Subscribed **bool `json:"subscribed,omitempty"` // as in userJSON
}

func (s *Server) identityJSON(i auth.Identity) identityJSON {
	j := identityJSON{Account: s.rules.Account(i.AppID).Name, AppID: i.AppID, OpenID: i.OpenID}
	if i.UnionID != "" {
		j.UnionID = &i.UnionID
	}
	return j
}

func (s *Server) userJSON(u auth.User) userJSON {
	j := userJSON{
		ID:           u.ID,
		AppID:        u.AppID,
		OpenID:       u.OpenID,
		Nickname:     u.Nickname,
		Sex:          u.Sex,
		Language:     u.Language,
		Country:      u.Country,
		Province:     u.Province,
		City:         u.City,
		AvatarURL:    s.site.prefix + "/avatar/" + u.ID,
		Privilege:    append([]string{}, u.Privilege...),
		Scope:        u.Scope,
		Blocked:      u.Blocked,
		FirstLoginAt: inSeconds(u.FirstLoginAt),
		LastLoginAt:  inSeconds(u.LastLoginAt),
		LoginCount:   u.LoginCount,
		Account:      s.rules.Account(u.AppID).Name,
	}
	for _, i := range u.AllIdentities() {
		j.Identities = append(j.Identities, s.identityJSON(i))
	}
	if u.UnionID != "" {
		j.UnionID = &u.UnionID
	}
	if !u.ProfileUpdatedAt.IsZero() {
		j.ProfileUpdatedAt = new(inSeconds(u.ProfileUpdatedAt))
	}
	return j
}

// inSeconds returns a time as the API shows it: in UTC, to the second, so that all times have
// the same length and sort as text.
func inSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// me is the visitor's profile.
func (s *Server) me(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.visitor(r)
	if err != nil {
		return err
	}
	return s.personAnswer(w, r, visit.User)
}

// personAnswer answers with a person.
func (s *Server) personAnswer(w http.ResponseWriter, r *http.Request, u auth.User) error {
	j, err := s.personJSON(r.Context(), u)
	if err != nil {
		return err
	}
	return s.json(w, r, j)
}

// apiUsers is a page of people.
func (s *Server) apiUsers(w http.ResponseWriter, r *http.Request) error {
	query, err := s.userQuery(r)
	if err != nil {
		return err
	}
	if err := s.checkApart(query); err != nil {
		return err
	}
	page, err := s.lists.Users(r.Context(), query)
	if err != nil {
		return ofCursor(err)
	}
	answer := struct {
		Users      []userJSON `json:"users"`
		NextCursor string     `json:"next_cursor"`
	}{NextCursor: page.Next}
	if answer.Users, err = s.peopleJSON(r.Context(), page.Users); err != nil {
		return err
	}
	return s.json(w, r, answer)
}

// apiUser is one person.
func (s *Server) apiUser(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if err := s.apiUserNamed(w, r, id); err != nil {
		return s.leadOn(w, r, err, id, "/api/admin/users/%s")
	}
	return nil
}

func (s *Server) apiUserNamed(w http.ResponseWriter, r *http.Request, id string) error {
	user, err := s.people.User(r.Context(), id)
	if err != nil {
		return err
	}
	return s.personAnswer(w, r, user)
}

// act is an admin's act on the person whom the address names.
type act func(r *http.Request, by admin.Actor, userID string) error

// apiAct answers an act with the person as they are now. The address names them by
// their whole id, which confirms whom the caller means.
func (s *Server) apiAct(do act) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := chi.URLParam(r, "id")
		if err := do(r, adminOf(r).Confirming(id), id); err != nil {
			return err
		}
		return s.apiUserNamed(w, r, id)
	}
}

func (s *Server) block(r *http.Request, by admin.Actor, userID string) error {
	return s.admins.Block(r.Context(), by, userID, r.PostFormValue("reason"))
}

func (s *Server) unblock(r *http.Request, by admin.Actor, userID string) error {
	return s.admins.Unblock(r.Context(), by, userID)
}

func (s *Server) endSessions(r *http.Request, by admin.Actor, userID string) error {
	// For an unknown id, EndSessions would end none and succeed.
	if _, err := s.people.User(r.Context(), userID); err != nil {
		return err
	}
	_, err := s.admins.EndSessions(r.Context(), by, userID)
	return err
}

// refresh fetches a person's profile with the stored refresh_token, now.
func (s *Server) refresh(r *http.Request, by admin.Actor, userID string) error {
	return s.admins.Refresh(r.Context(), by, userID)
}

// apiErase deletes a person; for the confirmation see apiAct.
func (s *Server) apiErase(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if err := s.admins.Erase(r.Context(), adminOf(r).Confirming(id), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
