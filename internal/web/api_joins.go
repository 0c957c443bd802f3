package web

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// proposalJSON is a proposal as the API shows it.
type proposalJSON struct {
	Kept    userJSON  `json:"kept"`
	Other   userJSON  `json:"other"`
	UnionID string    `json:"unionid"`
	NotedAt time.Time `json:"noted_at"`
}

// joinJSON is a join as the API shows it: the identity that came to a person.
type joinJSON struct {
	ID string `json:"id"`
	identityJSON
	Linked   auth.Linked `json:"linked"`
	LinkedAt time.Time   `json:"linked_at"`
	LinkedBy string      `json:"linked_by"`
	Nickname string      `json:"nickname"` // of the person who had it before, if there was one
	Person   userJSON    `json:"person"`
}

func joinQuery(r *http.Request) (q admin.JoinQuery, err error) {
	form, err := wholeQuery(r)
	if err != nil {
		return q, err
	}
	q.Cursor = form.Get("cursor")
	q.Limit, err = limitOf(form)
	return q, err
}

// apiProposals is a page of proposed joins.
func (s *Server) apiProposals(w http.ResponseWriter, r *http.Request) error {
	query, err := joinQuery(r)
	if err != nil {
		return err
	}
	page, err := s.admins.Proposals(r.Context(), query)
	if err != nil {
		return ofCursor(err)
	}
	answer := struct {
		Proposals  []proposalJSON `json:"proposals"`
		NextCursor string         `json:"next_cursor"`
	}{Proposals: []proposalJSON{}, NextCursor: page.Next}
	for _, p := range page.Proposals {
		answer.Proposals = append(answer.Proposals, proposalJSON{s.userJSON(p.Kept), s.userJSON(p.Other), p.UnionID, inSeconds(p.NotedAt)})
	}
	return s.json(w, r, answer)
}

// apiJoins is a page of joins.
func (s *Server) apiJoins(w http.ResponseWriter, r *http.Request) error {
	query, err := joinQuery(r)
	if err != nil {
		return err
	}
	page, err := s.admins.Joins(r.Context(), query)
	if err != nil {
		return ofCursor(err)
	}
	answer := struct {
		Joins      []joinJSON `json:"joins"`
		NextCursor string     `json:"next_cursor"`
	}{Joins: []joinJSON{}, NextCursor: page.Next}
	for _, j := range page.Joins {
		answer.Joins = append(answer.Joins, joinJSON{
			ID: j.ID, identityJSON: s.identityJSON(j.Identity.Identity), Linked: j.Linked, LinkedAt: inSeconds(j.LinkedAt), LinkedBy: j.LinkedBy,
			Nickname: j.Nickname, Person: s.userJSON(j.Person),
		})
	}
	return s.json(w, r, answer)
}

// apiJoin makes one person of two, and answers with the one who is kept.
func (s *Server) apiJoin(w http.ResponseWriter, r *http.Request) error {
	kept, other, err := pair(r)
	if err != nil {
		return err
	}
	if err := s.admins.Join(r.Context(), adminOf(r), kept, other); err != nil {
		return err
	}
	return s.apiUserNamed(w, r, kept)
}

// apiUndoJoin undoes a join, and answers with the one who is a person of their own again.
func (s *Server) apiUndoJoin(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "join")
	if err := s.admins.UndoJoin(r.Context(), adminOf(r), id); err != nil {
		return err
	}
	return s.apiUserNamed(w, r, id)
}

// apiDismiss dismisses a proposed join.
func (s *Server) apiDismiss(w http.ResponseWriter, r *http.Request) error {
	kept, other, err := pair(r)
	if err != nil {
		return err
	}
	if err := s.admins.Dismiss(r.Context(), adminOf(r), kept, other); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
