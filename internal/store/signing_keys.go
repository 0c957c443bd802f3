package store

import (
	"context"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.KeyStore = (*Store)(nil)

type signingKeyRow struct {
	Alg        auth.Alg `db:"alg"`
	Generation int64    `db:"generation"`
	KID        string   `db:"kid"`
	Public     string   `db:"public_key"`
	Private    string   `db:"private_key"`
	SealedBy   string   `db:"sealed_by"`
	CreatedAt  int64    `db:"created_at"`
	SignsAt    int64    `db:"signs_at"`
}

// keyPlace binds a sealed private key to its name.
func keyPlace(kid string) string { return "signing_keys:private_key:" + kid }

// SigningKeys implements auth.KeyStore.
func (s *Store) SigningKeys(ctx context.Context) ([]auth.SigningKey, error) {
	var rows []signingKeyRow
	err := s.db.SelectContext(ctx, &rows, `SELECT alg, generation, kid, public_key, private_key, sealed_by, created_at, signs_at
		FROM signing_keys ORDER BY alg, generation`)
	if err != nil {
		return nil, s.fail(ctx, "read signing keys", err)
	}
	keys := make([]auth.SigningKey, len(rows))
	for i, row := range rows {
		keys[i] = auth.SigningKey{
			Alg: row.Alg, Generation: row.Generation, ID: row.KID, Public: row.Public,
			CreatedAt: instant(row.CreatedAt), SignsAt: instant(row.SignsAt), Retired: row.Private == "",
		}
		if row.Private != "" {
			// A key that does not open signs nothing; its public part still verifies what it has signed.
			keys[i].Private, _ = s.sealer.open(row.Private, keyPlace(row.KID))
		}
	}
	return keys, nil
}

// AddSigningKey implements auth.KeyStore.
func (s *Store) AddSigningKey(ctx context.Context, k auth.SigningKey) (added bool, err error) {
	sealed, by := s.sealer.seal(k.Private, keyPlace(k.ID))
	err = s.writeFor(ctx, "add signing key", &touched{}, func(tx *sqldb.Tx) (err error) {
		added, err = changed(tx.ExecContext(ctx, `INSERT INTO signing_keys (alg, generation, kid, public_key, private_key, sealed_by, created_at, signs_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			k.Alg, k.Generation, k.ID, k.Public, sealed, by, millis(k.CreatedAt), millis(k.SignsAt)))
		return err
	})
	return added && err == nil, err
}

// RetireSigningKey implements auth.KeyStore.
func (s *Store) RetireSigningKey(ctx context.Context, kid string) error {
	return s.writeFor(ctx, "retire signing key", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET private_key = '', sealed_by = '' WHERE kid = $1`, kid)
		return err
	})
}

// DropSigningKey implements auth.KeyStore.
func (s *Store) DropSigningKey(ctx context.Context, kid string) error {
	return s.writeFor(ctx, "drop signing key", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM signing_keys WHERE kid = $1`, kid)
		return err
	})
}

// ResealSigningKeys implements auth.KeyStore.
func (s *Store) ResealSigningKeys(ctx context.Context) error {
	var rows []signingKeyRow
	err := s.db.SelectContext(ctx, &rows, `SELECT kid, private_key FROM signing_keys WHERE private_key <> '' AND sealed_by <> $1`, s.sealer.newest)
	if err != nil {
		return s.fail(ctx, "find signing keys of old keys", err)
	}
	for _, row := range rows {
		private, err := s.sealer.open(row.Private, keyPlace(row.KID))
		if err != nil {
			continue // a start with the wrong keys must not damage what the right ones open
		}
		sealed, by := s.sealer.seal(private, keyPlace(row.KID))
		err = s.writeFor(ctx, "reseal signing key", &touched{}, func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET private_key = $2, sealed_by = $3 WHERE kid = $1 AND private_key <> ''`, row.KID, sealed, by)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
