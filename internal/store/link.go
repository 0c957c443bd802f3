package store

import (
	"context"
	"database/sql"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// lockLink makes logins by the same identity wait, and everybody who writes a person. It
// takes the locks in the same order as a login.
func (s *Store) lockLink(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) error {
	if err := s.lockOpenID(ctx, tx, save.Login.AppID, save.OpenID); err != nil {
		return err
	}
	if err := s.lockText(ctx, tx, lockOfUnionID, save.UnionID); err != nil {
		return err
	}
	return s.lockPeople(ctx, tx)
}

// link joins the person of a login to the person of the session in which it was begun. A
// new person is joined too, so that an undo has what is known of them.
func (s *Store) link(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin, came saved) (saved, error) {
	at := save.Session.CreatedAt
	var keptID string
	err := tx.GetContext(ctx, &keptID, `SELECT user_id FROM sessions WHERE id = $1 AND kind = 'visitor'`, save.Link.SessionID)
	if errors.Is(err, sql.ErrNoRows) {
		return saved{}, auth.Failf(auth.LinkStale, "the session has ended that began it")
	}
	if err != nil || keptID == came.user.ID {
		return came, err // the identity is theirs already
	}
	kept, err := readPerson(ctx, tx, keptID)
	if err != nil {
		return saved{}, err
	}
	other, err := readPerson(ctx, tx, came.user.ID)
	if err != nil {
		return saved{}, err
	}
	if kept.Blocked != 0 || other.Blocked != 0 {
		return saved{}, auth.Failf(auth.Blocked, "user %s or %s", kept.ID, other.ID)
	}
	further, err := furtherOf(ctx, tx, keptID)
	if err != nil {
		return saved{}, err
	}
	keptUser, otherUser := kept.User().WithFurther(further), came.user.WithFurther(came.further)
	if save.Link.Apart(keptUser.AllIdentities(), otherUser.AllIdentities()) {
		return saved{}, auth.Failf(auth.TwoPeople, "users %s and %s", kept.ID, other.ID)
	}
	more, err := givesRights(ctx, tx, save.Link, keptUser, otherUser)
	if err != nil {
		return saved{}, err
	}
	if more {
		return saved{}, auth.Failf(auth.LinkRights, "users %s and %s", kept.ID, other.ID)
	}
	if err := s.joinPeople(ctx, tx, kept, other, auth.LinkedByPerson, nil, at); err != nil {
		return saved{}, err
	}
	err = addEvent(ctx, tx, admin.Event{ID: auth.NewID(), At: at, Actor: kept.ID, Action: admin.ActLink, Subject: kept.ID, Detail: other.ID})
	if err != nil {
		return saved{}, err
	}
	return readLinked(ctx, tx, keptID, came)
}

// givesRights says whether a join would give a person rights that only the other has:
// having an admin scan a link code must not make anybody an admin.
func givesRights(ctx context.Context, tx *sqldb.Tx, link *auth.Link, kept, other auth.User) (bool, error) {
	if len(without(other.Groups, kept.Groups)) > 0 {
		return true, nil
	}
	if is, err := isAdmin(ctx, tx, link, other); err != nil || !is {
		return false, err
	}
	is, err := isAdmin(ctx, tx, link, kept)
	return !is, err
}

func isAdmin(ctx context.Context, tx *sqldb.Tx, link *auth.Link, u auth.User) (is bool, err error) {
	if link.Appointed != nil && link.Appointed(u) {
		return true, nil
	}
	err = tx.GetContext(ctx, &is, `SELECT `+grantedColumn+` FROM users WHERE id = $1`, u.ID)
	return is, err
}

// readLinked reads the person after the join, as seen by the identity that was joined to
// them.
func readLinked(ctx context.Context, tx *sqldb.Tx, userID string, came saved) (p saved, err error) {
	var row list.UserRow
	if row, err = readPerson(ctx, tx, userID); err != nil {
		return p, err
	}
	p.user = row.User()
	if p.further, err = furtherOf(ctx, tx, userID); err != nil {
		return p, err
	}
	p.by = came.who().Identity()
	if p.by.ID == "" {
		p.by.ID = came.user.ID
	}
	return p, nil
}
