package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.ScanStore = (*Store)(nil)

const scanColumns = `ticket_hash, user_id, status, opened_at, answered_at, ends_at, identity_id`

// scanQuery runs about once a second for every desktop that waits, so it is prepared once.
const scanQuery = `SELECT ` + scanColumns + ` FROM scans WHERE ticket_hash = $1`

type scanRow struct {
	TicketHash string           `db:"ticket_hash"`
	UserID     string           `db:"user_id"`
	Status     auth.ScanStatus  `db:"status"`
	OpenedAt   int64            `db:"opened_at"`
	AnsweredAt sql.Null[int64]  `db:"answered_at"`
	EndsAt     int64            `db:"ends_at"`
	IdentityID sql.Null[string] `db:"identity_id"`
}

func (r scanRow) scan() auth.Scan {
	return auth.Scan{
		TicketHash: r.TicketHash,
		UserID:     r.UserID,
		IdentityID: r.IdentityID.V,
		Status:     r.Status,
		OpenedAt:   instant(r.OpenedAt),
		AnsweredAt: maybeInstant(r.AnsweredAt),
		EndsAt:     instant(r.EndsAt),
	}
}

// OpenScan implements auth.ScanStore.
func (s *Store) OpenScan(ctx context.Context, scan auth.Scan) (auth.Scan, error) {
	var row scanRow
	err := s.writeFor(ctx, "open scan", &touched{}, func(tx *sqldb.Tx) error {
		// Selected from the table of people, so that nothing is added for a person who is
		// gone.
		_, err := tx.ExecContext(ctx, `INSERT INTO scans (`+scanColumns+`)
			SELECT CAST($1 AS TEXT), users.id, CAST($3 AS TEXT), CAST($4 AS BIGINT), NULL, CAST($5 AS BIGINT), CAST($6 AS TEXT)
			FROM users WHERE users.id = $2
			ON CONFLICT DO NOTHING`,
			scan.TicketHash, scan.UserID, scan.Status, millis(scan.OpenedAt), millis(scan.EndsAt), maybeText(scan.IdentityID))
		if err != nil {
			return err
		}
		err = tx.GetContext(ctx, &row, scanQuery, scan.TicketHash)
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		return err
	})
	if err != nil {
		return auth.Scan{}, err
	}
	return row.scan(), nil
}

// ScanByTicket implements auth.ScanStore.
func (s *Store) ScanByTicket(ctx context.Context, ticketHash string) (auth.Scan, error) {
	var row scanRow
	err := s.scan.GetContext(ctx, &row, ticketHash)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Scan{}, nil
	}
	if err != nil {
		return auth.Scan{}, s.fail(ctx, "read scan", err)
	}
	return row.scan(), nil
}

// AnswerScan implements auth.ScanStore.
func (s *Store) AnswerScan(ctx context.Context, ticketHash, userID string, answer auth.ScanStatus, at time.Time) (answered bool, err error) {
	err = s.writeFor(ctx, "answer scan", &touched{}, func(tx *sqldb.Tx) (err error) {
		answered, err = changed(tx.ExecContext(ctx, `UPDATE scans SET status = $3, answered_at = $4
			WHERE ticket_hash = $1 AND user_id = $2 AND status = 'opened'`, ticketHash, userID, answer, millis(at)))
		return err
	})
	return answered && err == nil, err
}

// CollectScan implements auth.ScanStore.
func (s *Store) CollectScan(ctx context.Context, c auth.CollectScan) (user auth.User, err error) {
	changes := touched{sessions: []string{c.Replaces}}
	err = s.writeFor(ctx, "collect scan", &changes, func(tx *sqldb.Tx) (err error) {
		var scan scanRow
		err = tx.GetContext(ctx, &scan, scanQuery+` AND status = 'confirmed'`, c.TicketHash)
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Failf(auth.ScanSpent, "no scan that is confirmed")
		}
		if err != nil {
			return err
		}
		changes.user = scan.UserID
		// The person first, then their rows: blocking and erasing take locks in the same
		// order, so that there is no deadlock.
		row, err := countLogin(ctx, tx, scan.UserID, c.Session.CreatedAt)
		if err != nil {
			return err
		}
		user = row.User()
		if scan.IdentityID.Valid {
			further, err := countIdentity(ctx, tx, scan.IdentityID.V, scan.UserID, "", auth.ScopeBase, c.Session.CreatedAt)
			if err != nil {
				return err
			}
			user = user.By(further.identity())
		}
		spent, err := changed(tx.ExecContext(ctx, `UPDATE scans SET status = 'used'
			WHERE ticket_hash = $1 AND status = 'confirmed'`, c.TicketHash))
		if err != nil {
			return err
		}
		if !spent {
			return auth.Failf(auth.ScanSpent, "somebody else was faster")
		}
		c.Session.UserID, c.Session.IdentityID = user.ID, user.IdentityID
		c.Login.UserID, c.Login.IdentityID, c.Login.AppID = user.ID, user.IdentityID, user.AppID
		if _, err := s.beginSession(ctx, tx, c.Replaces, c.Session); err != nil {
			return err
		}
		added, err := addLogin(ctx, tx, c.Login)
		if err == nil && !added {
			err = auth.Failf(auth.ScanSpent, "the ticket has signed somebody in before")
		}
		return err
	})
	if err != nil {
		return auth.User{}, err
	}
	return user, nil
}

// countLogin counts a login of a known person. Blocked when they are.
func countLogin(ctx context.Context, tx *sqldb.Tx, userID string, at time.Time) (row savedRow, err error) {
	err = tx.GetContext(ctx, &row, `UPDATE users SET last_login_at = $2, login_count = login_count + 1
		WHERE id = $1 AND blocked = 0 RETURNING `+savedColumns, userID, millis(at))
	if errors.Is(err, sql.ErrNoRows) {
		err = auth.Failf(auth.Blocked, "user %s", userID)
	}
	return row, err
}

// refuseScans revokes what a person has opened or confirmed and no desktop has fetched:
// ending all sessions includes those that would begin in the next moment.
func refuseScans(ctx context.Context, tx *sqldb.Tx, userID string) error {
	_, err := tx.ExecContext(ctx, `UPDATE scans SET status = 'refused'
		WHERE user_id = $1 AND status IN ('opened', 'confirmed')`, userID)
	return err
}
