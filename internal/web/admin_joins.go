package web

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// How long the two lists of the page of joins are.
const (
	shownProposals = 10
	shownJoins     = 20
)

// adminJoinsPage is the proposed joins, and those that were made.
type adminJoinsPage struct {
	Proposals []proposed
	Open      beside // pages of proposals
	Joins     []joined
	History   beside // pages of joins
	SignInURL string // as in adminUserPage
	Here      string // this page, to come back to
	Done      string // key of what has just been done, or empty
}

func (adminJoinsPage) file() string { return "admin_joins" }

// beside holds the pages next to the one that is shown; empty where there is none.
type beside struct{ PrevURL, NextURL string }

// proposed is a proposal with what a join of the two would do.
type proposed struct {
	admin.Proposal
	Sides []side // the person who came first is the first
}

// side is one of the two people of a proposal.
type side struct {
	User       auth.User
	Identities []shownIdentity // the first ones
	More       int             // how many other identities there are
	Apps       []admin.Access  // their access ends if the other person is kept
}

// joined is a join as the page shows it.
type joined struct {
	admin.Join
	Account auth.Account
}

// adminJoins is the page of proposed joins and of those that were made.
func (s *Server) adminJoins(w http.ResponseWriter, r *http.Request) error {
	form, err := wholeQuery(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	proposals, err := s.admins.Proposals(ctx, admin.JoinQuery{Cursor: form.Get("cursor"), Limit: shownProposals})
	if err != nil {
		return ofCursor(err)
	}
	joins, err := s.admins.Joins(ctx, admin.JoinQuery{Cursor: form.Get("joined"), Limit: shownJoins})
	if err != nil {
		return ofCursor(err)
	}
	p := adminJoinsPage{Here: s.address(joinsPath, carryOver(form, joinsParameters...)), Done: done(r)}
	p.Open = beside{pageOf(p.Here, "cursor", proposals.Prev), pageOf(p.Here, "cursor", proposals.Next)}
	p.History = beside{pageOf(p.Here, "joined", joins.Prev), pageOf(p.Here, "joined", joins.Next)}
	for _, proposal := range proposals.Proposals {
		shown := proposed{Proposal: proposal}
		for _, user := range []auth.User{proposal.Kept, proposal.Other} {
			one := side{User: user}
			var all int
			if one.Identities, _, all, err = s.shownIdentities(r, user.ID, 1); err != nil {
				return err
			}
			one.More = all - len(one.Identities)
			if one.Apps, err = s.admins.AccessOf(ctx, user.ID); err != nil {
				return err
			}
			shown.Sides = append(shown.Sides, one)
		}
		p.Proposals = append(p.Proposals, shown)
	}
	for _, join := range joins.Joins {
		p.Joins = append(p.Joins, joined{join, s.rules.Account(join.AppID)})
	}
	if s.admins.NeedsSignIn(adminOf(r)) {
		p.SignInURL = s.signInPath(r, p.Here)
	}
	return s.page(w, r, p)
}

const joinsPath = "/admin/joins"

// joinsParameters are the parameters of the page of joins: the cursors of its two lists.
var joinsParameters = []string{"cursor", "joined"}

// showsJoins says whether the admin pages have a link to the joins: if people can have
// several identities, or a join is proposed.
func (s *Server) showsJoins(ctx context.Context) bool {
	if len(s.rules.Accounts) > 1 {
		return true
	}
	any, err := s.admins.AnyProposals(ctx)
	return any && err == nil // if the database is down, the page itself says so
}

// pair reads the two people of a form: the one who is kept, and the other. A page's form
// sends both as person, and kept is one of them.
func pair(r *http.Request) (kept, other string, err error) {
	kept, other = r.PostForm.Get("kept"), r.PostForm.Get("other")
	if two := r.PostForm["person"]; other == "" && len(two) == 2 {
		switch kept {
		case two[0]:
			other = two[1]
		case two[1]:
			other = two[0]
		}
	}
	if kept == "" || other == "" {
		return "", "", refuseParameter("kept, other", "application/x-www-form-urlencoded")
	}
	return kept, other, nil
}

// adminJoin accepts or dismisses a proposal.
func (s *Server) adminJoin(w http.ResponseWriter, r *http.Request) error {
	kept, other, err := pair(r)
	if err != nil {
		return err
	}
	what := "joined"
	switch r.PostForm.Get("act") {
	case "join":
		err = s.admins.Join(r.Context(), adminOf(r), kept, other)
	case "dismiss":
		what, err = "dismissed", s.admins.Dismiss(r.Context(), adminOf(r), kept, other)
	default:
		err = auth.Failf(auth.BadRequest, "act %q on two people", r.PostForm.Get("act"))
	}
	if err != nil {
		return err
	}
	return redirect(w, http.StatusSeeOther, with(s.site.prefix+joinsPath, "done", what))
}

// adminUndoJoin undoes a join and shows the page again that the form is on: that of a
// person, or the joins.
func (s *Server) adminUndoJoin(w http.ResponseWriter, r *http.Request) error {
	if err := s.admins.UndoJoin(r.Context(), adminOf(r), chi.URLParam(r, "join")); err != nil {
		return err
	}
	if person := r.PostFormValue("person"); person != "" {
		return s.toUser(w, r, person, "parted")
	}
	return redirect(w, http.StatusSeeOther, with(s.site.prefix+joinsPath, "done", "parted"))
}
