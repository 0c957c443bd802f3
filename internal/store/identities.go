package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// byIdentity are the columns of a person as seen by the joined row of identities, if there
// is one.
var byIdentity = list.ByIdentity(func(column string) string { return column[len("users."):] })

// furtherColumns are the columns of a further identity.
const furtherColumns = `identities.id, identities.appid, identities.openid, identities.unionid, identities.scope`

// furtherRow is a further identity, or all NULL for a person who has none.
type furtherRow struct {
	ID      sql.Null[string] `db:"id"`
	AppID   sql.Null[string] `db:"appid"`
	OpenID  sql.Null[string] `db:"openid"`
	UnionID sql.Null[string] `db:"unionid"`
	Scope   sql.Null[string] `db:"scope"`
}

func (r furtherRow) identity() auth.Identity {
	return auth.Identity{ID: r.ID.V, AppID: r.AppID.V, OpenID: r.OpenID.V, UnionID: r.UnionID.V, Scope: auth.Scope(r.Scope.V)}
}

const furtherQuery = `SELECT ` + furtherColumns + ` FROM identities WHERE user_id = $1`

func furtherOf(ctx context.Context, db selecter, userID string) ([]auth.Identity, error) {
	var rows []furtherRow
	err := db.SelectContext(ctx, &rows, furtherQuery, userID)
	return each(rows, furtherRow.identity), err
}

// identify sets the person of a visit as seen by the identity of its session, and says
// whether they still have it.
func identify(visit *auth.Visit, further []auth.Identity) bool {
	visit.User = visit.User.WithFurther(further)
	id := visit.Session.IdentityID
	if id == "" {
		return true
	}
	i := slices.IndexFunc(visit.User.Identities, func(i auth.Identity) bool { return i.ID == id })
	if i >= 0 {
		visit.User = visit.User.By(visit.User.Identities[i])
	}
	return i >= 0
}

// UserBy implements auth.RefreshStore.
func (s *Store) UserBy(ctx context.Context, id auth.TokenID) (auth.User, error) {
	var row list.UserRow
	err := s.db.GetContext(ctx, &row, `SELECT `+byIdentity+` FROM users LEFT JOIN identities ON identities.id = $2 AND identities.user_id = users.id
		WHERE users.id = $1`, id.UserID, id.IdentityID)
	if err == nil && row.IdentityID != id.IdentityID {
		err = sql.ErrNoRows
	}
	if err != nil {
		return auth.User{}, s.orNone(ctx, "read user", err, auth.NoSuchUser)
	}
	return row.User(), nil
}

// countIdentity counts a login by a further identity, and saves what WeChat said with it:
// an empty unionid keeps the stored one, and a narrower scope does not replace a wider
// one. sql.ErrNoRows when the identity is not that person's.
func countIdentity(ctx context.Context, tx *sqldb.Tx, id, userID, unionID string, scope auth.Scope, at time.Time) (row furtherRow, err error) {
	err = tx.GetContext(ctx, &row, `UPDATE identities SET last_login_at = $3, login_count = login_count + 1, unionid = COALESCE($4, unionid),
			scope = CASE WHEN scope = 'snsapi_userinfo' THEN scope ELSE $5 END
		WHERE id = $1 AND user_id = $2 RETURNING `+furtherColumns, id, userID, millis(at), maybeText(unionID), scope)
	return row, err
}

// saved is a person who has logged in, as saved.
type saved struct {
	user    auth.User       // as seen by their first identity
	by      auth.Identity   // the identity they logged in by; zero: the first
	further []auth.Identity // identities besides the first
	granted bool            // made an admin by `admin grant`
}

// who is the person as seen by the identity that they logged in by.
func (p saved) who() auth.User {
	if p.by.ID == "" {
		return p.user
	}
	return p.user.By(p.by)
}

// savePerson saves the person of a login.
func (s *Store) savePerson(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (p saved, err error) {
	row, err := s.saveIdentity(ctx, tx, save)
	if err != nil {
		return p, err
	}
	p = saved{user: row.User(), by: row.By.identity(), granted: row.Granted != 0}
	if row.Several != 0 || p.by.ID != "" {
		if p.further, err = furtherOf(ctx, tx, p.user.ID); err != nil {
			return p, err
		}
	}
	if auth.Changed(save.Before.UnionID, save.UnionID) {
		err = noteUnionID(ctx, tx, p.user.ID, p.by.ID, save.Session.CreatedAt)
	}
	if err == nil && len(save.Kin) > 0 && auth.Joins(save.UnionID) && save.Before.UnionID != save.UnionID {
		_, err = propose(ctx, tx, p.user.ID, save.UnionID, slices.Concat(save.Kin, []string{save.Login.AppID}), save.Session.CreatedAt)
	}
	return p, err
}

// saveIdentity finds the person of an openid, or makes one. The first identity of a person
// is in users, their further ones in identities. Whoever adds an openid ensures that it is
// never in both tables, and never twice.
func (s *Store) saveIdentity(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (row savedRow, err error) {
	if save.Before.ID == "" && save.Several {
		if err := s.lockOpenID(ctx, tx, save.Login.AppID, save.OpenID); err != nil {
			return row, err
		}
		if joined, err := s.joinKin(ctx, tx, save, &row); joined || err != nil {
			return row, err
		}
	}
	if save.Before.IdentityID == "" {
		if row, err = saveUser(ctx, tx, save); !errors.Is(err, sql.ErrNoRows) {
			return row, err
		}
	} else if err := s.keepPeople(ctx, tx); err != nil {
		return row, err
	}
	var found struct {
		ID     string `db:"id"`
		UserID string `db:"user_id"`
	}
	err = tx.GetContext(ctx, &found, `SELECT id, user_id FROM identities WHERE appid = $1 AND openid = $2`, save.Login.AppID, save.OpenID)
	switch {
	case errors.Is(err, sql.ErrNoRows) && save.Before.IdentityID != "": // split off from its person meanwhile
		save.Before.IdentityID = ""
		return s.saveIdentity(ctx, tx, save)
	case errors.Is(err, sql.ErrNoRows):
		return row, auth.Fail(auth.Blocked, nil)
	case err != nil:
		return row, err
	}
	return s.saveFurther(ctx, tx, save, found.ID, found.UserID)
}

// saveFurther saves a login by a further identity.
func (s *Store) saveFurther(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin, id, userID string) (row savedRow, err error) {
	// The person first, then their rows, as everywhere.
	if row, err = comeAgain(ctx, tx, save, userID); err != nil {
		return row, err
	}
	row.By, err = countIdentity(ctx, tx, id, userID, save.UnionID, save.Scope, save.Session.CreatedAt)
	return row, err
}

// comeAgain saves on a known person what a login by a further identity brings.
func comeAgain(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin, userID string) (savedRow, error) {
	at := save.Session.CreatedAt
	if save.Profile != nil {
		if err := saveProfile(ctx, tx, userID, *save.Profile, at); err != nil {
			return savedRow{}, err
		}
	}
	if save.Consent != "" {
		_, err := tx.ExecContext(ctx, `UPDATE users SET consent_version = $2, consent_at = $3 WHERE id = $1`, userID, save.Consent, millis(at))
		if err != nil {
			return savedRow{}, err
		}
	}
	return countLogin(ctx, tx, userID, at)
}

// What the advisory locks of PostgreSQL stand for, in their first key.
const (
	lockOfOpenID  = 0x6f70656e // "open"
	lockOfUnionID = 0x756e696f // "unio"
)

// lockOpenID makes others who add the same openid wait: the openid may be in either of two
// tables, and no unique key spans both.
func (s *Store) lockOpenID(ctx context.Context, tx *sqldb.Tx, appID, openID string) error {
	return s.lockText(ctx, tx, lockOfOpenID, appID+" "+openID)
}

func (s *Store) lockText(ctx context.Context, tx *sqldb.Tx, about int32, text string) error {
	if !s.db.ManyWriters {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, about, text)
	return err
}

// noteUnionID records for admins that the unionid of an identity has changed, and of which
// account the identity is.
func noteUnionID(ctx context.Context, tx *sqldb.Tx, userID, identityID string, at time.Time) error {
	var appID string
	err := tx.GetContext(ctx, &appID, `SELECT COALESCE((SELECT appid FROM identities WHERE id = $2), appid) FROM users WHERE id = $1`, userID, identityID)
	if err != nil {
		return err
	}
	return addEvent(ctx, tx, admin.Event{ID: auth.NewID(), At: at, Actor: admin.ActorWeChat, Action: admin.ActUnionIDChanged, Subject: userID, Detail: appID})
}
