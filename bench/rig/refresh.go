package rig

import (
	"context"
	"errors"
	"time"
)

// Refresh makes a database that was filled some time ago look freshly filled, as far as it
// matters: the people whose sessions are used were seen just now.
func Refresh(ctx context.Context, database string, people, visitors int) error {
	db, _, err := Open(database, filling)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, n := range Visitors(people, visitors) {
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET last_seen_at = $1 WHERE token_hash = $2`, time.Now().UnixMilli(), digest(PersonNumber(n).Token)); err != nil {
			return err
		}
	}
	return errors.Join(tx.Commit(), db.Close())
}

// RollUps waits until the service has rolled up the logins of the past, as it has on any day
// but the first.
func RollUps(ctx context.Context, database string) error {
	db, _, err := Open(database, "_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for now, last := time.Now().UnixMilli()/(15*time.Minute).Milliseconds(), int64(0); last < now-4; {
		if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(slot), 0) FROM tallied WHERE what = 'slots'`).Scan(&last); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the service does not count the logins of the past")
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// Agree stores the consent of people to an application. The service may be running.
func Agree(ctx context.Context, database, clientID, scopes string, people []int) error {
	db, _, err := Open(database, "_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, n := range people {
		if _, err := tx.ExecContext(ctx, `INSERT INTO consents (user_id, client_id, scopes, agreed_at) SELECT user_id, $1, $2, $3 FROM sessions WHERE token_hash = $4`,
			clientID, scopes, time.Now().UnixMilli(), digest(PersonNumber(n).Token)); err != nil {
			return err
		}
	}
	return errors.Join(tx.Commit(), db.Close())
}
