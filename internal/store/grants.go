package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

var _ auth.GrantStore = (*Store)(nil)

const grantColumns = `grants.id, grants.client_id, grants.user_id, grants.session_id, grants.sid, grants.code_ends_at,
	grants.redirect_uri, grants.challenge, grants.nonce, grants.scopes, grants.method, grants.signed_in_at, grants.created_at,
	grants.redeemed_at, grants.offline, grants.refresh_hash, grants.rotated_from, grants.rotated_at, grants.refresh_ends_at`

type grantRow struct {
	ID            string           `db:"id"`
	ClientID      string           `db:"client_id"`
	UserID        string           `db:"user_id"`
	SessionID     sql.Null[string] `db:"session_id"`
	SID           string           `db:"sid"`
	CodeEndsAt    int64            `db:"code_ends_at"`
	RedirectURI   string           `db:"redirect_uri"`
	Challenge     string           `db:"challenge"`
	Nonce         string           `db:"nonce"`
	Scopes        string           `db:"scopes"`
	Method        auth.Scope       `db:"method"`
	SignedInAt    int64            `db:"signed_in_at"`
	CreatedAt     int64            `db:"created_at"`
	RedeemedAt    sql.Null[int64]  `db:"redeemed_at"`
	Offline       bool             `db:"offline"`
	RefreshHash   sql.Null[string] `db:"refresh_hash"`
	RotatedFrom   sql.Null[string] `db:"rotated_from"`
	RotatedAt     sql.Null[int64]  `db:"rotated_at"`
	RefreshEndsAt sql.Null[int64]  `db:"refresh_ends_at"`
}

// grant is the grant of the row; inSession is known from the session's row.
func (r grantRow) grant(inSession bool) auth.Grant {
	return auth.Grant{
		ID:          r.ID,
		ClientID:    r.ClientID,
		UserID:      r.UserID,
		SessionID:   r.SID,
		InSession:   inSession,
		CodeEndsAt:  instant(r.CodeEndsAt),
		RedirectURI: r.RedirectURI,
		Challenge:   r.Challenge,
		Nonce:       r.Nonce,
		Scopes:      words(r.Scopes),
		Method:      r.Method,
		SignedInAt:  instant(r.SignedInAt),
		CreatedAt:   instant(r.CreatedAt),
		RedeemedAt:  maybeInstant(r.RedeemedAt),
		Offline:     r.Offline,
		Refresh: auth.RefreshState{
			Hash:        r.RefreshHash.V,
			RotatedFrom: r.RotatedFrom.V,
			RotatedAt:   maybeInstant(r.RotatedAt),
			EndsAt:      maybeInstant(r.RefreshEndsAt),
		},
	}
}

func words(text string) []string { return strings.Fields(text) }

func sentence(items []string) string { return strings.Join(items, " ") }

// A session that ends while its code is made deletes the code too, or leaves no row to
// insert from.
const insertGrant = `INSERT INTO grants (id, client_id, user_id, session_id, sid, code_hash, code_ends_at, redirect_uri, challenge,
		nonce, scopes, method, signed_in_at, created_at, offline, identity_id)
	SELECT CAST($1 AS TEXT), clients.id, users.id, sessions.id, sessions.id, CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS TEXT),
		CAST($8 AS TEXT), CAST($9 AS TEXT), CAST($10 AS TEXT), CAST($11 AS TEXT), CAST($12 AS BIGINT), CAST($13 AS BIGINT), CAST($14 AS BIGINT),
		sessions.identity_id
	FROM sessions JOIN users ON users.id = sessions.user_id, clients
	WHERE sessions.id = $4 AND users.id = $3 AND users.blocked = 0 AND clients.id = $2 AND sessions.ends_at > $13`

// surplusCodes deletes all but the newest unused codes of a client in a session. The sum
// keeps SQLite from scanning all grants of the client in their order.
const surplusCodes = `DELETE FROM grants WHERE id IN (SELECT id FROM grants
	WHERE session_id = $1 AND client_id = $2 AND redeemed_at IS NULL ORDER BY created_at + 0 DESC, id DESC LIMIT 1000 OFFSET $3)`

// AddCode implements auth.GrantStore.
func (s *Store) AddCode(ctx context.Context, g auth.Grant) error {
	return s.writeFor(ctx, "add code", &touched{}, func(tx *sqldb.Tx) error {
		added, err := changed(tx.ExecContext(ctx, insertGrant, g.ID, g.ClientID, g.UserID, g.SessionID, g.CodeHash,
			millis(g.CodeEndsAt), g.RedirectURI, g.Challenge, g.Nonce, sentence(g.Scopes), g.Method, millis(g.SignedInAt),
			millis(g.CreatedAt), flag(g.Offline)))
		if err != nil {
			return err
		}
		if !added {
			return auth.Failf(auth.NotSignedIn, "the session has ended, or the client is gone")
		}
		_, err = tx.ExecContext(ctx, surplusCodes, g.SessionID, g.ClientID, auth.MaxCodes)
		return err
	})
}

const redeemCode = `UPDATE grants SET redeemed_at = $5,
		refresh_hash = CASE WHEN offline = 1 THEN CAST($6 AS TEXT) END,
		refresh_ends_at = CASE WHEN offline = 1 THEN CAST($7 AS BIGINT) END
	WHERE code_hash = $1 AND client_id = $2 AND redirect_uri = $3 AND challenge = $4 AND redeemed_at IS NULL AND code_ends_at > $5
	RETURNING ` + grantColumns

var personInSession = `SELECT ` + byIdentity + `, sessions.ends_at AS session_ends_at FROM users JOIN sessions ON sessions.user_id = users.id
		LEFT JOIN identities ON identities.id = sessions.identity_id
	WHERE users.id = $1 AND sessions.id = $2 AND sessions.ends_at > $3 AND users.blocked = 0`

// Of the grants of a client in one session whose access tokens have expired, only one is
// still needed: it shows that the client knows the session.
const endedGrants = `DELETE FROM grants WHERE session_id = $1 AND client_id = $2 AND id <> $3 AND offline = 0 AND redeemed_at < $4`

// surplusOffline deletes all but the newest offline grants of a person that a client
// holds: each login can make one.
const surplusOffline = `DELETE FROM grants WHERE id IN (SELECT id FROM grants
	WHERE user_id = $1 AND client_id = $2 AND offline = 1 AND redeemed_at IS NOT NULL ORDER BY created_at + 0 DESC, id DESC LIMIT 1000 OFFSET $3)`

// RedeemCode implements auth.GrantStore. Of several requests with one code, the first
// UPDATE finds it unused; the others wait for it and then do not.
func (s *Store) RedeemCode(ctx context.Context, r auth.RedeemCode) (granted auth.Granted, err error) {
	used := false
	var changes touched
	err = s.writeFor(ctx, "redeem code", &changes, func(tx *sqldb.Tx) (err error) {
		used, changes = false, touched{}
		var row grantRow
		err = tx.GetContext(ctx, &row, redeemCode, r.CodeHash, r.ClientID, r.RedirectURI, r.Challenge, millis(r.At), r.RefreshHash, millis(r.RefreshEndsAt))
		if errors.Is(err, sql.ErrNoRows) {
			used, err = changed(tx.ExecContext(ctx, `DELETE FROM grants WHERE code_hash = $1 AND client_id = $2 AND redeemed_at IS NOT NULL`,
				r.CodeHash, r.ClientID))
			changes.grants = used
			if err == nil && !used {
				err = auth.Failf(auth.NoSuchGrant, "no such code of this client, for this address and verifier")
			}
			return err
		}
		if err != nil {
			return err
		}
		var person struct {
			list.UserRow
			SessionEndsAt int64 `db:"session_ends_at"`
		}
		err = tx.GetContext(ctx, &person, personInSession, row.UserID, row.SessionID.V, millis(r.At))
		if errors.Is(err, sql.ErrNoRows) {
			return auth.Failf(auth.NoSuchGrant, "the session that the code was given in has ended")
		}
		if err != nil {
			return err
		}
		granted = auth.Granted{Grant: row.grant(true), User: person.User()}
		changes = touched{grantsOf: row.UserID, redeemed: &cachedGrant{Granted: granted, sessionEndsAt: instant(person.SessionEndsAt)}}
		if _, err = tx.ExecContext(ctx, endedGrants, row.SessionID.V, row.ClientID, row.ID, millis(r.At.Add(-auth.AccessLifetime))); err == nil && row.Offline {
			_, err = tx.ExecContext(ctx, surplusOffline, row.UserID, row.ClientID, auth.MaxOffline)
		}
		return err
	})
	if err == nil && used {
		err = auth.Failf(auth.NoSuchGrant, "the code was used before; what came of it has ended")
	}
	if err != nil {
		return auth.Granted{}, err
	}
	return granted, nil
}

// grantedQuery reads all that a token stands for.
var grantedQuery = `SELECT ` + nested(grantColumns) + `, ` + list.ByIdentity(strconv.Quote) + `, ` + nested(clientColumns) + `,
		(SELECT ends_at FROM sessions WHERE sessions.id = grants.session_id) AS session_ends_at
	FROM grants JOIN users ON users.id = grants.user_id JOIN clients ON clients.id = grants.client_id
		LEFT JOIN identities ON identities.id = grants.identity_id
	WHERE grants.id = $1 AND grants.redeemed_at IS NOT NULL AND users.blocked = 0`

// GrantByID implements auth.GrantStore.
func (s *Store) GrantByID(ctx context.Context, id string) (auth.Granted, error) {
	cached, state := s.cache.grant(id)
	if cached == nil {
		var row struct {
			Grant         grantRow        `db:"grants"`
			User          list.UserRow    `db:"users"`
			Client        clientRow       `db:"clients"`
			SessionEndsAt sql.Null[int64] `db:"session_ends_at"`
		}
		if err := s.granted.GetContext(ctx, &row, id); err != nil {
			return auth.Granted{}, s.orNone(ctx, "read grant", err, auth.NoSuchGrant)
		}
		cached = &cachedGrant{auth.Granted{Grant: row.Grant.grant(false), User: row.User.User(), Client: row.Client.client()}, maybeInstant(row.SessionEndsAt)}
		s.cache.addGrant(cached, state)
	}
	return cached.at(s.now()), nil
}

// RotateRefresh implements auth.GrantStore.
func (s *Store) RotateRefresh(ctx context.Context, grantID, from, to string, at time.Time) (rotated bool, err error) {
	err = s.writeFor(ctx, "rotate refresh token", &touched{grants: true}, func(tx *sqldb.Tx) (err error) {
		rotated, err = changed(tx.ExecContext(ctx, `UPDATE grants SET refresh_hash = $3, rotated_from = $2, rotated_at = $4
			WHERE id = $1 AND refresh_hash = $2`, grantID, from, to, millis(at)))
		return err
	})
	return rotated && err == nil, err
}

// EndGrant implements auth.GrantStore.
func (s *Store) EndGrant(ctx context.Context, grantID string) error {
	return s.writeFor(ctx, "end grant", &touched{grants: true}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM grants WHERE id = $1`, grantID)
		return err
	})
}
