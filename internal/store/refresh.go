package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

var _ auth.RefreshStore = (*Store)(nil)

// TakeLease implements auth.RefreshStore. Another owner's lease that ends later than one
// that begins now was taken under a wrong clock, and would keep everybody off until then:
// it counts as ended.
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
		s.log.WarnContext(ctx, "lease in the future taken over: a clock is or was wrong, here or on another machine",
			"job", job, "ends", instant(was.V), "now", now)
	}
	return taken && err == nil, err
}

// NextDue implements auth.RefreshStore.
func (s *Store) NextDue(ctx context.Context, now, again time.Time) (id auth.TokenID, err error) {
	err = s.writeFor(ctx, "pick a profile to refresh", &touched{}, func(tx *sqldb.Tx) error {
		id = auth.TokenID{}
		first := int64(math.MaxInt64)
		for _, t := range tokenTables {
			var row struct {
				sealedToken
				DueAt int64 `db:"due_at"`
			}
			err := tx.GetContext(ctx, &row, t.due()+s.db.SkipLocked("tokens"), millis(now))
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if err == nil && row.DueAt < first {
				id, first = row.id(), row.DueAt
			}
		}
		if id.UserID == "" {
			return nil
		}
		t, key := tokenTableOf(id)
		_, err := tx.ExecContext(ctx, t.putOff(), key, millis(again))
		return err
	})
	return id, err
}

// tokenTable is a table that has tokens.
type tokenTable struct {
	name, key string
	sealed    string // columns of sealedToken
	from      string // the table, named tokens, joined to the people
}

// tokenTables are two: the token of a first identity belongs to the person, those of
// further identities to the identity. The view all_tokens has both.
var tokenTables = [...]tokenTable{
	{"tokens", "user_id",
		`tokens.user_id, '' AS identity_id, tokens.refresh_token, users.appid, users.openid`,
		`tokens JOIN users ON users.id = tokens.user_id`},
	{"identity_tokens", "identity_id",
		`identities.user_id, tokens.identity_id, tokens.refresh_token, identities.appid, identities.openid`,
		`identity_tokens AS tokens JOIN identities ON identities.id = tokens.identity_id JOIN users ON users.id = identities.user_id`},
}

// due selects the token that has been due for longest, of a person who is not blocked.
func (t tokenTable) due() string {
	return `SELECT ` + t.sealed + `, tokens.due_at FROM ` + t.from + `
		WHERE tokens.due_at <= $1 AND tokens.due_at IS NOT NULL AND tokens.dead_reason IS NULL
			AND tokens.ends_at > $1 AND users.blocked = 0
		ORDER BY tokens.due_at LIMIT 1`
}

// putOff changes the time at which a token is due.
func (t tokenTable) putOff() string {
	return `UPDATE ` + t.name + ` SET due_at = $2 WHERE ` + t.key + ` = $1`
}

// one selects a token by its key and its person.
func (t tokenTable) one(columns string) string {
	return `SELECT ` + t.sealed + columns + ` FROM ` + t.from + ` WHERE tokens.` + t.key + ` = $1 AND users.id = $2`
}

// tokenTableOf returns the table that has a token, and its key there.
func tokenTableOf(id auth.TokenID) (t tokenTable, key string) {
	if id.IdentityID == "" {
		return tokenTables[0], id.UserID
	}
	return tokenTables[1], id.IdentityID
}

// sealedToken is a token with the identity that its seal is bound to.
type sealedToken struct {
	UserID     string `db:"user_id"`
	IdentityID string `db:"identity_id"`
	Sealed     string `db:"refresh_token"`
	AppID      string `db:"appid"`
	OpenID     string `db:"openid"`
}

func (t sealedToken) id() auth.TokenID {
	return auth.TokenID{UserID: t.UserID, IdentityID: t.IdentityID}
}

func (t sealedToken) place() string { return tokenPlace(t.AppID, t.OpenID) }

// opensTo says whether a stored token is still the one that was used.
func (s *Store) opensTo(ctx context.Context, tx *sqldb.Tx, id auth.TokenID, was auth.Secret) (sealedToken, bool, error) {
	var row sealedToken
	t, key := tokenTableOf(id)
	err := tx.GetContext(ctx, &row, t.one(""), key, id.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	text, err := s.sealer.open(row.Sealed, row.place())
	return row, err == nil && text == was, nil
}

// updateProfile replaces the profile.
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
		return updateToken(ctx, tx, row, `refresh_token = $3, kid = $4, due_at = $5`, sealed, kid, millis(save.DueAt))
	})
}

// saveUnionID saves the unionid that a refresh has brought. It joins nobody.
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

// updateToken changes a token, unless it has been replaced: by a login, or because it has
// moved to another person. The placeholders of set begin with $3.
func updateToken(ctx context.Context, tx *sqldb.Tx, row sealedToken, set string, args ...any) error {
	t, key := tokenTableOf(row.id())
	_, err := tx.ExecContext(ctx, `UPDATE `+t.name+` SET `+set+` WHERE `+t.key+` = $1 AND refresh_token = $2`, append([]any{key, row.Sealed}, args...)...)
	return err
}

// markDead ends a token now, unless it has ended already or been replaced: lists of people
// recognize a useless token by its end.
func (s *Store) markDead(ctx context.Context, tx *sqldb.Tx, row sealedToken, reason string) error {
	return updateToken(ctx, tx, row, `dead_reason = $3, due_at = NULL, ends_at = CASE WHEN ends_at > $4 THEN $4 ELSE ends_at END`, reason, millis(s.now()))
}

// resealBatch is how many tokens one transaction reseals.
const resealBatch = 100

// ResealTokens implements auth.RefreshStore.
func (s *Store) ResealTokens(ctx context.Context) (n int64, err error) {
	// Only tokens of keys that are configured: a start with the wrong keys must not damage
	// what the right ones still open.
	kids := s.sealer.older()
	if len(kids) == 0 {
		return 0, nil
	}
	var old []sealedToken
	for _, t := range tokenTables {
		var some []sealedToken
		err = s.db.Select(ctx, &some, sqldb.Join(sqldb.SQL(`SELECT `+t.sealed+` FROM `+t.from+` WHERE tokens.dead_reason IS NULL AND `), sqldb.In("tokens.kid", kids)).
			Then(` LIMIT $1`, resealBatch-len(old)))
		if err != nil {
			return 0, s.fail(ctx, "find tokens of old keys", err)
		}
		old = append(old, some...)
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

// reseal seals one token with the newest key, unless a login has replaced it since.
func (s *Store) reseal(ctx context.Context, tx *sqldb.Tx, row sealedToken) error {
	text, err := s.sealer.open(row.Sealed, row.place())
	if err != nil {
		return s.markDead(ctx, tx, row, "damaged")
	}
	sealed, kid := s.sealer.seal(text, row.place())
	return updateToken(ctx, tx, row, `refresh_token = $3, kid = $4`, sealed, kid)
}
