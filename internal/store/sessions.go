package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

const (
	insertSession = `INSERT INTO sessions
		(id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent, scope, identity_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	deleteSession = `DELETE FROM sessions WHERE token_hash = $1 AND kind = $2`
)

// addSession begins a session. If the person has too many, others of theirs end: see
// limitSessions for what that requires of the transaction.
func addSession(ctx context.Context, tx *sqldb.Tx, session auth.Session) error {
	row := newSessionRow(session)
	_, err := tx.ExecContext(ctx, insertSession, row.ID, row.TokenHash, row.Kind, row.UserID, row.CreatedAt,
		row.LastSeenAt, row.EndsAt, row.RemoteAddr, row.UserAgent, row.Scope, row.IdentityID)
	if err == nil && session.UserID != "" {
		_, err = limitSessions(ctx, tx, session.UserID, session.TokenHash, session.CreatedAt)
	}
	return err
}

// renewSession restarts a browser's session. Its id stays: clients know the browser by it,
// and have to be told of its end.
const renewSession = `UPDATE sessions SET token_hash = $3, created_at = $4, last_seen_at = $5, ends_at = $6, remote_addr = $7, user_agent = $8, scope = $9,
		identity_id = $10
	WHERE token_hash = $1 AND kind = 'visitor' AND user_id = $2 RETURNING id`

// beginSession begins a session in place of the browser's former one, and returns it as
// saved: if that was the same person's, it goes on under its id; if it was another's, it
// ends.
func (s *Store) beginSession(ctx context.Context, tx *sqldb.Tx, replaces string, session auth.Session) (auth.Session, error) {
	if replaces == "" {
		return session, addSession(ctx, tx, session)
	}
	row := newSessionRow(session)
	err := tx.GetContext(ctx, &session.ID, renewSession, replaces, row.UserID, row.TokenHash, row.CreatedAt, row.LastSeenAt, row.EndsAt,
		row.RemoteAddr, row.UserAgent, row.Scope, row.IdentityID)
	if !errors.Is(err, sql.ErrNoRows) {
		return session, err
	}
	if err := noteLogout(ctx, tx, ofToken, replaces, session.CreatedAt); err != nil {
		return session, err
	}
	if _, err := tx.ExecContext(ctx, deleteSession, replaces, auth.VisitorSession); err != nil {
		return session, err
	}
	return session, addSession(ctx, tx, session)
}

// sameDevice finds the session on the same device that a login replaces; empty for none.
// The row of the person has been written already, so that of two such logins at once the
// second sees the first.
func sameDevice(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (tokenHash string, err error) {
	var rows []struct {
		TokenHash  string `db:"token_hash"`
		RemoteAddr string `db:"remote_addr"`
		UserAgent  string `db:"user_agent"`
	}
	err = tx.SelectContext(ctx, &rows, `SELECT token_hash, remote_addr, user_agent FROM sessions
		WHERE user_id = $1 AND scope = $2 AND COALESCE(identity_id, '') = $3 ORDER BY created_at DESC`,
		save.Session.UserID, save.Session.Scope, save.Session.IdentityID)
	for _, row := range rows {
		if save.SameDevice(auth.Device{RemoteAddr: row.RemoteAddr, UserAgent: row.UserAgent}) {
			return row.TokenHash, err
		}
	}
	return "", err
}

// grantedColumn is 1 for a person whom `admin grant` has named, by any of their
// identities, and 0 otherwise.
const grantedColumn = `CASE WHEN EXISTS (SELECT 1 FROM admins WHERE admins.appid = users.appid AND admins.openid = users.openid)
		OR EXISTS (SELECT 1 FROM identities CROSS JOIN admins
			WHERE identities.user_id = users.id AND admins.appid = identities.appid AND admins.openid = identities.openid)
	THEN 1 ELSE 0 END AS granted`

// Every request makes one of these two reads. They are prepared once, which halves their
// cost. That of a visitor returns a row for each further identity of the person, and one
// row if there are none.
var (
	visitorQuery = `SELECT ` + nested(sessionColumns) + `, ` + nested(list.UserColumns) + `, ` + grantedColumn + `, ` + nested(furtherColumns) + `
		FROM sessions JOIN users ON users.id = sessions.user_id LEFT JOIN identities ON identities.user_id = users.id
		WHERE sessions.token_hash = $1 AND sessions.kind = 'visitor'`
	adminQuery = `SELECT ` + sessionColumns + ` FROM sessions WHERE token_hash = $1 AND kind = 'desk'`
)

type visitRow struct {
	Session sessionRow   `db:"sessions"`
	User    list.UserRow `db:"users"`
	Granted int          `db:"granted"`
	Further furtherRow   `db:"identities"`
}

// nested names each column with its table, as sqlx needs for a struct within a struct.
func nested(columns string) string {
	names := strings.Split(columns, ",")
	for i, name := range names {
		name = strings.TrimSpace(name)
		names[i] = fmt.Sprintf("%s AS %q", name, name)
	}
	return strings.Join(names, ", ")
}

// Visit implements auth.Store. It leaves the idle limit to the caller, who knows it; a
// session that has expired, or whose person is blocked, does not count.
func (s *Store) Visit(ctx context.Context, kind auth.SessionKind, tokenHash string) (*auth.Visit, error) {
	var visit *auth.Visit
	var err error
	switch kind {
	case auth.VisitorSession: // from the cache while nothing has changed
		var state sqldb.State
		if visit, state = s.cache.get(tokenHash); visit == nil {
			visit, err = s.readVisit(ctx, tokenHash, state)
		}
	case auth.AdminSession:
		visit, err = s.readAdminVisit(ctx, tokenHash)
	default:
		return nil, auth.Failf(auth.NotSignedIn, "no kind of session: %q", kind)
	}
	if err != nil {
		return nil, s.orNone(ctx, "read session", err, auth.NotSignedIn)
	}
	// Blocking deletes sessions; this is a second check.
	if visit.User.Blocked || !s.now().Before(visit.Session.EndsAt) {
		return nil, auth.Fail(auth.NotSignedIn, nil)
	}
	return visit, nil
}

// readVisit reads a visitor's session, and caches it under the state.
func (s *Store) readVisit(ctx context.Context, tokenHash string, state sqldb.State) (*auth.Visit, error) {
	var rows []visitRow
	if err := s.visitor.SelectContext(ctx, &rows, tokenHash); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, sql.ErrNoRows
	}
	var further []auth.Identity
	for _, row := range rows {
		if row.Further.ID.Valid {
			further = append(further, row.Further.identity())
		}
	}
	visit := &auth.Visit{Session: rows[0].Session.session(), User: rows[0].User.User(), Granted: rows[0].Granted != 0}
	if !identify(visit, further) {
		return nil, sql.ErrNoRows
	}
	pack(visit)
	s.cache.add(visit, state)
	return visit, nil
}

func (s *Store) readAdminVisit(ctx context.Context, tokenHash string) (*auth.Visit, error) {
	var row sessionRow
	if err := s.admin.GetContext(ctx, &row, tokenHash); err != nil {
		return nil, err
	}
	return &auth.Visit{Session: row.session()}, nil
}

// DeleteSession ends one session. It is no error if there is none.
func (s *Store) DeleteSession(ctx context.Context, kind auth.SessionKind, tokenHash string) error {
	return s.writeFor(ctx, "delete session", &touched{sessions: []string{tokenHash}}, func(tx *sqldb.Tx) error {
		if err := noteLogout(ctx, tx, ofToken, tokenHash, s.now()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, deleteSession, tokenHash, kind)
		return err
	})
}

// deleteSessionsOf ends all access of a person: sessions, what they have confirmed for
// desktops, and what clients hold.
func deleteSessionsOf(ctx context.Context, tx *sqldb.Tx, userID string, at time.Time) (int64, error) {
	if err := endGrants(ctx, tx, userID, at); err != nil {
		return 0, err
	}
	return count(tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1`, userID))
}

// endGrants ends what a person has confirmed for desktops and what clients hold of them,
// and queues notices for these clients.
func endGrants(ctx context.Context, tx *sqldb.Tx, userID string, at time.Time) error {
	if err := refuseScans(ctx, tx, userID); err != nil {
		return err
	}
	if err := noteLogout(ctx, tx, ofPerson, userID, at); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM grants WHERE user_id = $1`, userID)
	return err
}

// batch is how many rows one transaction of a background job touches, so that no login
// waits long for its turn.
const batch = 500

// TouchSessions saves when sessions were last used. A session that has ended meanwhile
// stays ended, and no session goes back in time.
func (s *Store) TouchSessions(ctx context.Context, tokenHashes []string, at time.Time) error {
	for hashes := range slices.Chunk(tokenHashes, batch) {
		touch := sqldb.Join(sqldb.SQL(`UPDATE sessions SET last_seen_at = $1 WHERE last_seen_at < $1 AND `, millis(at)), sqldb.In("token_hash", hashes))
		err := s.writeFor(ctx, "touch sessions", &touched{sessions: hashes}, func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(ctx, touch.Text, touch.Args...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// UserSessions lists a person's sessions, newest first, at most auth.MaxSessions.
// Nobody has more for long.
func (s *Store) UserSessions(ctx context.Context, userID string) ([]auth.Session, error) {
	var rows []sessionRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, userID, auth.MaxSessions)
	if err != nil {
		return nil, s.fail(ctx, "list sessions", err)
	}
	return each(rows, sessionRow.session), nil
}
