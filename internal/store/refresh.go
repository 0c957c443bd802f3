package store

import (
	"context"
	"database/sql"
	"encoding/json"
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
func (s *Store) NextDue(ctx context.Context, now, again time.Time) (userID string, err error) {
	err = s.writeFor(ctx, "pick a profile to refresh", &touched{}, func(tx *sqldb.Tx) error {
		userID = ""
		err := tx.GetContext(ctx, &userID, `UPDATE tokens SET due_at = $2 WHERE user_id = (
				SELECT tokens.user_id FROM tokens JOIN users ON users.id = tokens.user_id
				WHERE tokens.due_at <= $1 AND tokens.due_at IS NOT NULL AND tokens.dead_reason IS NULL
					AND tokens.ends_at > $1 AND users.blocked = 0
				ORDER BY tokens.due_at LIMIT 1`+s.db.SkipLocked("tokens")+`)
			RETURNING user_id`, millis(now), millis(again))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return userID, err
}

// sealedToken is a row of tokens with the place that its seal is bound to.
type sealedToken struct {
	UserID string `db:"user_id"`
	Sealed string `db:"refresh_token"`
	AppID  string `db:"appid"`
	OpenID string `db:"openid"`
}

const sealedTokens = `SELECT tokens.user_id, tokens.refresh_token, users.appid, users.openid
	FROM tokens JOIN users ON users.id = tokens.user_id `

// opensTo says whether the person's token is still the one that was, and keeps it
// so until the transaction ends.
func (s *Store) opensTo(ctx context.Context, tx *sqldb.Tx, userID string, was auth.Secret) (sealedToken, bool, error) {
	var row sealedToken
	err := tx.GetContext(ctx, &row, sealedTokens+`WHERE tokens.user_id = $1`+s.db.ForUpdate("tokens"), userID)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	text, err := s.sealer.open(row.Sealed, tokenPlace(row.AppID, row.OpenID))
	return row, err == nil && text == was, nil
}

// SaveRefresh implements auth.RefreshStore.
func (s *Store) SaveRefresh(ctx context.Context, save auth.SaveRefresh) error {
	privilege, err := json.Marshal(append([]string{}, save.Profile.Privilege...))
	if err != nil {
		return s.fail(ctx, "save refresh", err)
	}
	return s.writeFor(ctx, "save refresh", &touched{user: save.UserID}, func(tx *sqldb.Tx) error {
		p := save.Profile
		found, err := changed(tx.ExecContext(ctx, `UPDATE users SET unionid = COALESCE($2, unionid), nickname = $3, sex = $4,
				language = $5, country = $6, province = $7, city = $8, avatar_url = $9, privilege = $10, profile_updated_at = $11
			WHERE id = $1`, save.UserID, maybeText(save.UnionID), p.Nickname, p.Sex,
			p.Language, p.Country, p.Province, p.City, p.AvatarURL, string(privilege), millis(save.At)))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchUser, nil)
		}
		row, same, err := s.opensTo(ctx, tx, save.UserID, save.Was)
		if err != nil || !same {
			return err
		}
		sealed, kid := s.sealer.seal(save.Token, tokenPlace(row.AppID, row.OpenID))
		_, err = tx.ExecContext(ctx, `UPDATE tokens SET refresh_token = $2, kid = $3, due_at = $4 WHERE user_id = $1`,
			save.UserID, sealed, kid, millis(save.DueAt))
		return err
	})
}

// MarkDead implements auth.RefreshStore.
func (s *Store) MarkDead(ctx context.Context, userID string, was auth.Secret, reason string) error {
	return s.writeFor(ctx, "mark token dead", &touched{}, func(tx *sqldb.Tx) error {
		row, same, err := s.opensTo(ctx, tx, userID, was)
		if err != nil || !same {
			return err
		}
		return s.markDead(ctx, tx, row, reason)
	})
}

// markDead ends a token now, unless it has ended already or is another by now: the
// lists of people know by its end whose is of no use.
func (s *Store) markDead(ctx context.Context, tx *sqldb.Tx, row sealedToken, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE tokens SET dead_reason = $3, due_at = NULL, ends_at = CASE WHEN ends_at > $4 THEN $4 ELSE ends_at END
		WHERE user_id = $1 AND refresh_token = $2`, row.UserID, row.Sealed, reason, millis(s.now()))
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
	err = s.db.Select(ctx, &old, sqldb.Join(sqldb.SQL(sealedTokens+`WHERE tokens.dead_reason IS NULL AND `), sqldb.In("tokens.kid", kids)).
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
	place := tokenPlace(row.AppID, row.OpenID)
	text, err := s.sealer.open(row.Sealed, place)
	if err != nil {
		return s.markDead(ctx, tx, row, "damaged")
	}
	sealed, kid := s.sealer.seal(text, place)
	_, err = tx.ExecContext(ctx, `UPDATE tokens SET refresh_token = $3, kid = $4 WHERE user_id = $1 AND refresh_token = $2`,
		row.UserID, row.Sealed, sealed, kid)
	return err
}
