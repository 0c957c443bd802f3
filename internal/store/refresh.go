package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.RefreshStore = (*Store)(nil)

// TakeLease implements auth.RefreshStore. A lease of another's that ends later than
// one begun now would was taken under a wrong clock, and would keep everybody off
// until then: it counts as ended.
func (s *Store) TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (taken bool, err error) {
	last := millis(ends.Add(auth.ClockSkew))
	var was sql.Null[int64]
	err = s.writeFor(ctx, "take lease", &touched{}, func(tx *sqldb.Tx) (err error) {
		err = tx.GetContext(ctx, &was, `SELECT MAX(ends_at) FROM leases WHERE job = $1 AND owner <> $2 AND ends_at > $3`, job, owner, last)
		if err != nil {
			return err
		}
		taken, err = changed(tx.ExecContext(ctx, `INSERT INTO leases (job, owner, ends_at) VALUES ($1, $2, $3)
			ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, ends_at = excluded.ends_at
			WHERE leases.owner = excluded.owner OR leases.ends_at <= $4 OR leases.ends_at > $5`, job, owner, millis(ends), millis(now), last))
		return err
	})
	if err == nil && taken && was.Valid {
		s.log.WarnContext(ctx, "a lease ended too far ahead and was taken over: a clock is wrong, here or on another machine, or was",
			"job", job, "ended", instant(was.V), "now", now)
	}
	return taken && err == nil, err
}

// NextDue implements auth.RefreshStore.
func (s *Store) NextDue(ctx context.Context, now, again time.Time) (id auth.TokenID, err error) {
	err = s.writeFor(ctx, "pick a profile to refresh", &touched{}, func(tx *sqldb.Tx) error {
		var row sealedToken
		err := tx.GetContext(ctx, &row, `UPDATE tokens SET due_at = $2 WHERE (user_id, identity_id) = (
				SELECT tokens.user_id, tokens.identity_id FROM tokens JOIN users ON users.id = tokens.user_id
				WHERE tokens.due_at <= $1 AND tokens.due_at IS NOT NULL AND tokens.dead_reason IS NULL
					AND tokens.ends_at > $1 AND users.blocked = 0
				ORDER BY tokens.due_at LIMIT 1`+s.db.SkipLocked("tokens")+`)
			RETURNING user_id, identity_id`, millis(now), millis(again))
		if id = row.id(); errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return id, err
}

// sealedToken is a row of tokens with the identity that its seal is bound to.
type sealedToken struct {
	UserID     string `db:"user_id"`
	IdentityID string `db:"identity_id"`
	Sealed     string `db:"refresh_token"`
	AppID      string `db:"appid"`
	OpenID     string `db:"openid"`
}

const (
	sealedColumns = `tokens.user_id, tokens.identity_id, tokens.refresh_token,
		COALESCE(identities.appid, users.appid) AS appid, COALESCE(identities.openid, users.openid) AS openid`
	sealedTokens = `tokens JOIN users ON users.id = tokens.user_id LEFT JOIN identities ON identities.id = tokens.identity_id`
)

func (t sealedToken) id() auth.TokenID {
	return auth.TokenID{UserID: t.UserID, IdentityID: t.IdentityID}
}

func (t sealedToken) place() string { return tokenPlace(t.AppID, t.OpenID) }

// opensTo says whether a token is still the one that was, and keeps it so until the
// transaction ends.
func (s *Store) opensTo(ctx context.Context, tx *sqldb.Tx, id auth.TokenID, was auth.Secret) (sealedToken, bool, error) {
	var row sealedToken
	err := tx.GetContext(ctx, &row, `SELECT `+sealedColumns+` FROM `+sealedTokens+`
		WHERE tokens.user_id = $1 AND tokens.identity_id = $2`+s.db.ForUpdate("tokens"), id.UserID, id.IdentityID)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	text, err := s.sealer.open(row.Sealed, row.place())
	return row, err == nil && text == was, nil
}

// updateProfile puts a profile in the place of the one there is.
const updateProfile = `UPDATE users SET nickname = $2, sex = $3, language = $4, country = $5, province = $6, city = $7,
		avatar_url = $8, privilege = $9, profile_updated_at = $10
	WHERE id = $1`

func saveProfile(ctx context.Context, tx *sqldb.Tx, userID string, p auth.Profile, at time.Time) error {
	found, err := changed(tx.ExecContext(ctx, updateProfile, userID, p.Nickname, p.Sex, p.Language, p.Country, p.Province, p.City,
		p.AvatarURL, jsonList(p.Privilege), millis(at)))
	if err == nil && !found {
		err = auth.Fail(auth.NoSuchUser, nil)
	}
	return err
}

// SaveRefresh implements auth.RefreshStore.
func (s *Store) SaveRefresh(ctx context.Context, save auth.SaveRefresh) error {
	return s.writeFor(ctx, "save refresh", &touched{user: save.UserID}, func(tx *sqldb.Tx) error {
		if err := saveProfile(ctx, tx, save.UserID, save.Profile, save.At); err != nil {
			return err
		}
		if err := saveUnionID(ctx, tx, save); err != nil {
			return err
		}
		row, same, err := s.opensTo(ctx, tx, save.TokenID, save.Was)
		if err != nil || !same {
			return err
		}
		sealed, kid := s.sealer.seal(save.Token, row.place())
		_, err = tx.ExecContext(ctx, `UPDATE tokens SET refresh_token = $3, kid = $4, due_at = $5 WHERE user_id = $1 AND identity_id = $2`,
			save.UserID, save.IdentityID, sealed, kid, millis(save.DueAt))
		return err
	})
}

// saveUnionID writes down the unionid that a refresh has brought. Nobody is joined by
// it.
func saveUnionID(ctx context.Context, tx *sqldb.Tx, save auth.SaveRefresh) error {
	if save.UnionID == "" {
		return nil
	}
	statement, args := `UPDATE users SET unionid = $2 WHERE id = $1`, []any{save.UserID, save.UnionID}
	if save.IdentityID != "" {
		statement, args = `UPDATE identities SET unionid = $2 WHERE user_id = $1 AND id = $3`, append(args, save.IdentityID)
	}
	found, err := changed(tx.ExecContext(ctx, statement, args...))
	if err == nil && !found {
		return auth.Failf(auth.NoSuchUser, "the identity is not theirs any more")
	}
	if err == nil && auth.Changed(save.WasUnionID, save.UnionID) {
		err = noteUnionID(ctx, tx, save.UserID, save.IdentityID, save.At)
	}
	return err
}

// MarkDead implements auth.RefreshStore.
func (s *Store) MarkDead(ctx context.Context, id auth.TokenID, was auth.Secret, reason string) error {
	return s.writeFor(ctx, "mark token dead", &touched{}, func(tx *sqldb.Tx) error {
		row, same, err := s.opensTo(ctx, tx, id, was)
		if err != nil || !same {
			return err
		}
		return s.markDead(ctx, tx, row, reason)
	})
}

// markDead ends a token now, unless it has ended already or is another by now: the
// lists of people know by its end whose is of no use.
func (s *Store) markDead(ctx context.Context, tx *sqldb.Tx, row sealedToken, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE tokens SET dead_reason = $4, due_at = NULL, ends_at = CASE WHEN ends_at > $5 THEN $5 ELSE ends_at END
		WHERE user_id = $1 AND identity_id = $2 AND refresh_token = $3`, row.UserID, row.IdentityID, row.Sealed, reason, millis(s.now()))
	return err
}

// resealBatch is how many tokens one transaction reseals.
const resealBatch = 100

// ResealTokens implements auth.RefreshStore.
func (s *Store) ResealTokens(ctx context.Context) (n int64, err error) {
	// Only of keys that are at hand: a start with the wrong keys must not spoil
	// what the right ones still open.
	kids := s.sealer.older()
	if len(kids) == 0 {
		return 0, nil
	}
	var old []sealedToken
	err = s.db.Select(ctx, &old, sqldb.Join(sqldb.SQL(`SELECT `+sealedColumns+` FROM `+sealedTokens+` WHERE tokens.dead_reason IS NULL AND `), sqldb.In("tokens.kid", kids)).
		Then(` LIMIT $1`, resealBatch))
	if err != nil {
		return 0, s.fail(ctx, "find tokens of old keys", err)
	}
	if len(old) == 0 {
		return 0, nil
	}
	err = s.writeFor(ctx, "reseal tokens", &touched{}, func(tx *sqldb.Tx) error {
		for _, row := range old {
			if err := s.reseal(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return int64(len(old)), err
}

// reseal seals one token again, unless a login has brought another since.
func (s *Store) reseal(ctx context.Context, tx *sqldb.Tx, row sealedToken) error {
	text, err := s.sealer.open(row.Sealed, row.place())
	if err != nil {
		return s.markDead(ctx, tx, row, "damaged")
	}
	sealed, kid := s.sealer.seal(text, row.place())
	_, err = tx.ExecContext(ctx, `UPDATE tokens SET refresh_token = $4, kid = $5 WHERE user_id = $1 AND identity_id = $2 AND refresh_token = $3`,
		row.UserID, row.IdentityID, row.Sealed, sealed, kid)
	return err
}
