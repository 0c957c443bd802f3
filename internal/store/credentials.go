package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.CredentialStore = (*Store)(nil)

// credentialPlace binds a sealed credential to its account and kind.
func credentialPlace(appID string, kind auth.CredentialKind) string {
	return "credentials:value:" + appID + ":" + string(kind)
}

// Credential implements auth.CredentialStore. A value that does not open counts as
// missing: WeChat issues another.
func (s *Store) Credential(ctx context.Context, appID string, kind auth.CredentialKind) (auth.Credential, error) {
	c := auth.Credential{AppID: appID, Kind: kind}
	var row struct {
		Value       string      `db:"value"`
		EndsAt      int64       `db:"ends_at"`
		ForcedAt    int64       `db:"forced_at"`
		ForcedCount int         `db:"forced_count"`
		Failure     auth.Reason `db:"failure"`
		Errcode     int64       `db:"errcode"`
		From        string      `db:"from_address"`
		RetryAt     int64       `db:"retry_at"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at
		FROM credentials WHERE appid = $1 AND kind = $2`, appID, kind)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, s.fail(ctx, "read credential", err)
	}
	if row.Value != "" {
		c.Value, _ = s.sealer.open(row.Value, credentialPlace(appID, kind))
	}
	c.EndsAt, c.ForcedAt, c.ForcedCount = instant(row.EndsAt), instantOrNone(row.ForcedAt), row.ForcedCount
	c.Failure, c.Errcode, c.From, c.RetryAt = row.Failure, row.Errcode, row.From, instantOrNone(row.RetryAt)
	return c, nil
}

// SaveCredential implements auth.CredentialStore.
func (s *Store) SaveCredential(ctx context.Context, c auth.Credential) error {
	sealed := ""
	if c.Value != "" {
		sealed, _ = s.sealer.seal(c.Value, credentialPlace(c.AppID, c.Kind))
	}
	return s.writeFor(ctx, "save credential", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO credentials
				(appid, kind, value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (appid, kind) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at,
				forced_at = excluded.forced_at, forced_count = excluded.forced_count, failure = excluded.failure,
				errcode = excluded.errcode, from_address = excluded.from_address, retry_at = excluded.retry_at`,
			c.AppID, c.Kind, sealed, millisOrNone(c.EndsAt), millisOrNone(c.ForcedAt), c.ForcedCount, c.Failure, c.Errcode, c.From, millisOrNone(c.RetryAt))
		return err
	})
}

// millisOrNone is millis, and 0 for the zero time.
func millisOrNone(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

func instantOrNone(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return instant(ms)
}
