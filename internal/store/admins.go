package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

func addEvent(ctx context.Context, tx *sqldb.Tx, e admin.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO events (id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.ID, millis(e.At), e.Actor, e.Action, e.Subject, e.Detail)
	return err
}

// GrantAdmin implements admin.Store. Only a change is recorded.
func (s *Store) GrantAdmin(ctx context.Context, appID, openID string, event admin.Event) (changed bool, err error) {
	err = s.write(ctx, "grant admin", func(tx *sqldb.Tx) (err error) {
		changed, err = changeAdmin(ctx, tx, event, `INSERT INTO admins (appid, openid, granted_at) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, appID, openID, millis(event.At))
		return err
	})
	return changed && err == nil, err
}

// RevokeAdmin implements admin.Store. Only a change is recorded.
func (s *Store) RevokeAdmin(ctx context.Context, appID, openID string, guard *admin.Guard, event admin.Event) (changed bool, err error) {
	err = s.write(ctx, "revoke admin", func(tx *sqldb.Tx) (err error) {
		if err := s.leavesAnAdmin(ctx, tx, guard, "openid", openID); err != nil {
			return err
		}
		changed, err = changeAdmin(ctx, tx, event, `DELETE FROM admins WHERE appid = $1 AND openid = $2`, appID, openID)
		return err
	})
	return changed && err == nil, err
}

func changeAdmin(ctx context.Context, tx *sqldb.Tx, event admin.Event, statement string, args ...any) (bool, error) {
	did, err := changed(tx.ExecContext(ctx, statement, args...))
	if err != nil || !did {
		return false, err
	}
	return true, addEvent(ctx, tx, event)
}

// Admins implements admin.Store.
func (s *Store) Admins(ctx context.Context, appID string) ([]admin.Admin, error) {
	var rows []struct {
		OpenID    string `db:"openid"`
		GrantedAt int64  `db:"granted_at"`
		Nickname  string `db:"nickname"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT admins.openid, admins.granted_at, COALESCE(users.nickname, '') AS nickname
		FROM admins LEFT JOIN users ON users.appid = admins.appid AND users.openid = admins.openid
		WHERE admins.appid = $1 ORDER BY admins.granted_at, admins.openid`, appID)
	if err != nil {
		return nil, s.fail(ctx, "list admins", err)
	}
	admins := make([]admin.Admin, len(rows))
	for i, row := range rows {
		admins[i] = admin.Admin{OpenID: row.OpenID, GrantedAt: instant(row.GrantedAt), Nickname: row.Nickname}
	}
	return admins, nil
}

// adminLock is the key of the advisory lock for changes that must leave an admin:
// "wxadmin" in ASCII.
const adminLock = 0x777861646d696e

// leavesAnAdmin keeps a transaction from locking out the last admin: besides the person
// concerned, somebody else must be able to enter. These transactions run one after the
// other, so that each sees what those before it have done: of two admins who block each
// other at the same moment, only one succeeds. It is the first statement, so that nobody
// waits for this lock while holding another.
func (s *Store) leavesAnAdmin(ctx context.Context, tx *sqldb.Tx, guard *admin.Guard, column, except string) error {
	if err := s.lockAdmins(ctx, tx, guard); err != nil {
		return err
	}
	return s.wantAnAdmin(ctx, tx, guard, column, except)
}

func (s *Store) lockAdmins(ctx context.Context, tx *sqldb.Tx, guard *admin.Guard) error {
	if guard == nil || !s.db.ManyWriters {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(adminLock))
	return err
}

func (s *Store) wantAnAdmin(ctx context.Context, tx *sqldb.Tx, guard *admin.Guard, column, except string) error {
	if guard == nil {
		return nil
	}
	var n int64
	query, args := countAdmins(*guard, column, except)
	if err := tx.GetContext(ctx, &n, query, args...); err != nil {
		return err
	}
	if n == 0 {
		return auth.Failf(auth.LastAdmin, "nobody else can enter")
	}
	return nil
}

// countAdmins counts the people who can enter, by any of their identities, other than one
// person or one openid. It begins with the few admins, so that not everybody is looked at.
func countAdmins(guard admin.Guard, column, except string) (query string, args []any) {
	args = []any{except}
	person, openID := "id <> $1", ""
	if column == "openid" {
		person, openID = "TRUE", " AND openid <> $1"
	}
	var among []string
	for _, appID := range slices.Sorted(maps.Keys(guard.Configured)) {
		args = append(args, appID)
		account := fmt.Sprintf("appid = $%d", len(args))
		named := "SELECT openid FROM admins WHERE " + account + " UNION ALL VALUES ('')" // '' is nobody
		for _, openID := range guard.Configured[appID] {
			args = append(args, openID)
			named += fmt.Sprintf(", ($%d)", len(args))
		}
		who := account + " AND openid IN (" + named + ")" + openID
		among = append(among, "SELECT id FROM users WHERE "+who, "SELECT user_id FROM identities WHERE "+who)
	}
	return "SELECT COUNT(*) FROM users WHERE blocked = 0 AND " + person + " AND id IN (" +
		strings.Join(append(among, "SELECT '' WHERE $1 = ''"), " UNION ALL ") + ")", args
}

// AddAdminLink implements admin.Store.
func (s *Store) AddAdminLink(ctx context.Context, link admin.Link, event admin.Event) error {
	return s.write(ctx, "add admin link", func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO admin_links (token_hash, ends_at) VALUES ($1, $2)`, link.TokenHash, millis(link.EndsAt))
		if err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}

// SpendAdminLink implements admin.Store.
func (s *Store) SpendAdminLink(ctx context.Context, tokenHash string, now time.Time, session auth.Session, event admin.Event) error {
	return s.write(ctx, "spend admin link", func(tx *sqldb.Tx) error {
		spent, err := changed(tx.ExecContext(ctx, `DELETE FROM admin_links WHERE token_hash = $1 AND ends_at > $2 AND ends_at <= $3`,
			tokenHash, millis(now), millis(now.Add(admin.LinkLifetime+auth.ClockSkew))))
		if err != nil {
			return err
		}
		if !spent {
			return auth.Fail(auth.LinkSpent, nil)
		}
		if err := addSession(ctx, tx, session); err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}

// AdminSessions implements admin.Store. It reads the index of sessions by person: every
// visitor's session has a person.
func (s *Store) AdminSessions(ctx context.Context) ([]auth.Session, error) {
	var rows []sessionRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id IS NULL AND kind = 'desk' AND ends_at > $1 ORDER BY created_at DESC, id DESC`, millis(s.now()))
	if err != nil {
		return nil, s.fail(ctx, "list admin sessions", err)
	}
	return each(rows, sessionRow.session), nil
}

// EndAdminSession implements admin.Store.
func (s *Store) EndAdminSession(ctx context.Context, sessionID string, event admin.Event) error {
	return s.write(ctx, "end admin session", func(tx *sqldb.Tx) error {
		err := tx.GetContext(ctx, &event.Detail, `DELETE FROM sessions WHERE id = $1 AND kind = 'desk' RETURNING remote_addr`, sessionID)
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Fail(auth.NoSuchSession, nil)
		}
		if err != nil {
			return err
		}
		return addEvent(ctx, tx, event)
	})
}

// AddEvent implements admin.Store.
func (s *Store) AddEvent(ctx context.Context, event admin.Event) error {
	return s.write(ctx, "add event", func(tx *sqldb.Tx) error { return addEvent(ctx, tx, event) })
}
