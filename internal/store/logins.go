package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// refreshLifetime is the lifetime of a refresh_token (official: 30 days, and a refresh
// does not prolong it).
const refreshLifetime = 30 * 24 * time.Hour

const insertLogin = `INSERT INTO logins (id, appid, state_hash, code_hash, session_hash, scope, outcome, reason, user_id,
		started_at, finished_at, remote_addr, user_agent, errcode, step, request_id, identity_id)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
	ON CONFLICT DO NOTHING`

// addLogin inserts a login unless its id, state or code is taken, and says
// whether it did.
func addLogin(ctx context.Context, tx *sqldb.Tx, l auth.Login) (bool, error) {
	return changed(tx.ExecContext(ctx, insertLogin, l.ID, l.AppID, l.StateHash, l.CodeHash, l.SessionHash,
		l.Scope, l.Outcome, l.Reason, maybeText(l.UserID), millis(l.StartedAt), maybeMillis(l.FinishedAt),
		l.Device.RemoteAddr, l.Device.UserAgent, l.Errcode, l.Step, l.RequestID, maybeText(l.IdentityID)))
}

// changed returns whether a statement changed any row.
func changed(result sql.Result, err error) (bool, error) {
	n, err := count(result, err)
	return n > 0, err
}

// count returns how many rows a statement changed.
func count(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// ClaimLogin implements auth.Store. Address and browser are saved at the end of the login:
// before, it is not known whose they are, and an erasure would not find them.
func (s *Store) ClaimLogin(ctx context.Context, l auth.Login) (claimed bool, err error) {
	l.Device, l.RequestID = auth.Device{}, ""
	err = s.writeFor(ctx, "claim login", &touched{}, func(tx *sqldb.Tx) (err error) {
		claimed, err = addLogin(ctx, tx, l)
		return err
	})
	return claimed && err == nil, err
}

// LoginByState implements auth.Store.
func (s *Store) LoginByState(ctx context.Context, stateHash string) (auth.Login, error) {
	var row loginRow
	err := s.db.GetContext(ctx, &row, `SELECT `+loginColumns+` FROM logins WHERE state_hash = $1`, stateHash)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Login{}, nil
	}
	if err != nil {
		return auth.Login{}, s.fail(ctx, "read login", err)
	}
	return row.login(), nil
}

// The identity ($7) may belong to another person by now, or be a person of its own, so
// both tables are searched for its id. If it was erased meanwhile, identity, address and
// browser are dropped. A login that signs nobody in has no session.
const finishLogin = `UPDATE logins SET outcome = $2, reason = $3, finished_at = $4,
		errcode = $5, step = $6, request_id = $10, session_hash = '',
		user_id = COALESCE((SELECT id FROM users WHERE id = $7), (SELECT user_id FROM identities WHERE id = $7)),
		identity_id = (SELECT id FROM identities WHERE id = $7),
		remote_addr = CASE WHEN $7 = '' OR EXISTS (SELECT 1 FROM users WHERE id = $7 UNION ALL SELECT 1 FROM identities WHERE id = $7) THEN $8 ELSE '' END,
		user_agent = CASE WHEN $7 = '' OR EXISTS (SELECT 1 FROM users WHERE id = $7 UNION ALL SELECT 1 FROM identities WHERE id = $7) THEN $9 ELSE '' END
	WHERE id = $1 AND outcome = 'pending'`

// FinishLogin implements auth.Store. A login that has ended is not changed. The person may
// have been erased meanwhile.
func (s *Store) FinishLogin(ctx context.Context, l auth.Login) error {
	if l.UserID == "" && l.Outcome != auth.Failed {
		l.Device = auth.Device{}
	}
	return s.writeFor(ctx, "finish login", &touched{}, func(tx *sqldb.Tx) error {
		if l.UserID != "" {
			if err := s.keepPeople(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, finishLogin, l.ID, l.Outcome, l.Reason, millis(l.FinishedAt), l.Errcode, l.Step, cmp.Or(l.IdentityID, l.UserID),
			l.Device.RemoteAddr, l.Device.UserAgent, l.RequestID)
		return err
	})
}

// SaveLogin implements auth.Store. CodeSpent when the login has ended otherwise by now, or
// another login has claimed its state or code.
func (s *Store) SaveLogin(ctx context.Context, save auth.SaveLogin) (*auth.Visit, error) {
	changes, made := touched{sessions: []string{save.Replaces}}, auth.Visit{}
	err := s.writeFor(ctx, "save login", &changes, func(tx *sqldb.Tx) error {
		visit, err := s.saveLogin(ctx, tx, save)
		made, changes.user, changes.made = visit, visit.User.ID, &made
		if save.Link != nil { // it touches two people, and makes no session
			changes.all, changes.made = true, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &made, nil
}

// saveLogin saves a login and returns the visit that it begins.
func (s *Store) saveLogin(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (visit auth.Visit, err error) {
	if save.Link != nil {
		if err := s.lockLink(ctx, tx, save); err != nil {
			return auth.Visit{}, err
		}
	}
	person, err := s.savePerson(ctx, tx, save)
	if err == nil && save.Link != nil {
		person, err = s.link(ctx, tx, save, person)
	}
	if err != nil {
		return auth.Visit{}, err
	}
	if err := s.saveToken(ctx, tx, save, person.who()); err != nil {
		return auth.Visit{}, err
	}
	save.Session.UserID, save.Session.IdentityID = person.user.ID, person.by.ID
	save.Login.UserID, save.Login.IdentityID = person.user.ID, person.by.ID
	if save.Link != nil {
		return auth.Visit{User: person.who()}, endLogin(ctx, tx, save.Login)
	}
	if save.SameDevice != nil {
		if save.Replaces, err = sameDevice(ctx, tx, save); err != nil {
			return auth.Visit{}, err
		}
	}
	session, err := s.beginSession(ctx, tx, save.Replaces, save.Session)
	if err != nil {
		return auth.Visit{}, err
	}
	visit.Session = newSessionRow(session).session() // as a read would return it
	visit.User, visit.Granted = person.user, person.granted
	identify(&visit, person.further)
	pack(&visit)
	return visit, endLogin(ctx, tx, save.Login)
}

// greetUser is what a silent login of a known person changes. upsertUser would do, but it
// sets columns of three more indexes, and an engine rewrites index entries whether a value
// changes or not.
const greetUser = `UPDATE users SET last_login_at = $4, login_count = login_count + 1
	WHERE appid = $1 AND openid = $2 AND blocked = 0 AND (unionid = $3 OR $3 = '')
	RETURNING ` + savedColumns

// The statement returns no row for a blocked person, because of the last WHERE, and for a
// further identity, because of the first. The profile is replaced when there is a new
// profile_updated_at.
const upsertUser = `INSERT INTO users (id, appid, openid, unionid, nickname, sex, language, country, province, city,
		avatar_url, privilege, scope, blocked, first_login_at, last_login_at, profile_updated_at, login_count,
		consent_version, consent_at)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, $14, $15, 1, $16, $17
	WHERE NOT EXISTS (SELECT 1 FROM identities WHERE appid = $2 AND openid = $3)
	ON CONFLICT (appid, openid) DO UPDATE SET
		unionid = COALESCE(excluded.unionid, users.unionid),
		nickname = CASE WHEN excluded.profile_updated_at IS NULL THEN users.nickname ELSE excluded.nickname END,
		sex = CASE WHEN excluded.profile_updated_at IS NULL THEN users.sex ELSE excluded.sex END,
		language = CASE WHEN excluded.profile_updated_at IS NULL THEN users.language ELSE excluded.language END,
		country = CASE WHEN excluded.profile_updated_at IS NULL THEN users.country ELSE excluded.country END,
		province = CASE WHEN excluded.profile_updated_at IS NULL THEN users.province ELSE excluded.province END,
		city = CASE WHEN excluded.profile_updated_at IS NULL THEN users.city ELSE excluded.city END,
		avatar_url = CASE WHEN excluded.profile_updated_at IS NULL THEN users.avatar_url ELSE excluded.avatar_url END,
		privilege = CASE WHEN excluded.profile_updated_at IS NULL THEN users.privilege ELSE excluded.privilege END,
		scope = CASE WHEN users.scope = 'snsapi_userinfo' THEN users.scope ELSE excluded.scope END,
		last_login_at = excluded.last_login_at,
		profile_updated_at = COALESCE(excluded.profile_updated_at, users.profile_updated_at),
		login_count = users.login_count + 1,
		consent_version = CASE WHEN excluded.consent_at IS NULL THEN users.consent_version ELSE excluded.consent_version END,
		consent_at = COALESCE(excluded.consent_at, users.consent_at)
	WHERE users.blocked = 0
	RETURNING ` + savedColumns

// savedColumns are what the statements that save a person return.
const savedColumns = list.UserColumns + `, ` + grantedColumn + `,
	CASE WHEN EXISTS (SELECT 1 FROM identities WHERE identities.user_id = users.id) THEN 1 ELSE 0 END AS several`

// savedRow is a row of them.
type savedRow struct {
	list.UserRow
	Granted int        `db:"granted"`
	Several int        `db:"several"` // 1: the person has further identities
	By      furtherRow `db:"-"`       // the identity they logged in by; all NULL: the first
}

// saveUser saves the person of a login by their first identity. sql.ErrNoRows when they
// are blocked, and when it is a further identity of somebody.
func saveUser(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin) (row savedRow, err error) {
	at := save.Session.CreatedAt
	if silent(save) {
		err := tx.GetContext(ctx, &row, greetUser, save.Login.AppID, save.OpenID, save.UnionID, millis(at))
		if !errors.Is(err, sql.ErrNoRows) {
			return row, err
		}
	}
	var profile auth.Profile
	var profileAt, consentAt time.Time
	if save.Profile != nil {
		profile, profileAt = *save.Profile, at
	}
	if save.Consent != "" {
		consentAt = at
	}
	err = tx.GetContext(ctx, &row, upsertUser, auth.NewID(), save.Login.AppID, save.OpenID, maybeText(save.UnionID),
		profile.Nickname, profile.Sex, profile.Language, profile.Country, profile.Province, profile.City,
		profile.AvatarURL, jsonList(profile.Privilege), save.Scope, millis(at), maybeMillis(profileAt),
		save.Consent, maybeMillis(consentAt))
	return row, err
}

// silent says whether a login brings nothing but the identity.
func silent(save auth.SaveLogin) bool {
	return save.Scope == auth.ScopeBase && save.Profile == nil && save.Consent == ""
}

// A base token opens no profile, so it does not replace a token that does or did: a dead
// one shows that the person has to agree once more, and must go on to do so.
const (
	upsertToken         = `INSERT INTO tokens (user_id` + tokenValues + `user_id` + tokenTaken + `tokens` + tokenBase
	upsertIdentityToken = `INSERT INTO identity_tokens (identity_id` + tokenValues + `identity_id` + tokenTaken + `identity_tokens` + tokenBase

	tokenValues = `, scope, refresh_token, kid, issued_at, ends_at, due_at, appid, dead_reason)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)
	ON CONFLICT (`
	tokenTaken = `) DO UPDATE SET scope = excluded.scope, refresh_token = excluded.refresh_token,
		kid = excluded.kid, issued_at = excluded.issued_at, ends_at = excluded.ends_at,
		due_at = excluded.due_at, dead_reason = NULL
	WHERE excluded.scope = 'snsapi_userinfo' OR `
	tokenBase = `.scope = 'snsapi_base'`

	// tokenColumns are all columns but the owner.
	tokenColumns = `scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at, appid`
)

func (s *Store) saveToken(ctx context.Context, tx *sqldb.Tx, save auth.SaveLogin, user auth.User) error {
	at := save.Session.CreatedAt
	if save.RefreshToken == "" {
		return nil
	}
	var due time.Time // a base token opens no profile
	if save.Scope == auth.ScopeUserinfo {
		due = auth.NextFetch(at, save.Profile != nil)
	}
	sealed, kid := s.sealer.seal(save.RefreshToken, tokenPlace(user.AppID, user.OpenID))
	upsert, key := upsertToken, user.ID
	if user.IdentityID != "" {
		upsert, key = upsertIdentityToken, user.IdentityID
	}
	_, err := tx.ExecContext(ctx, upsert, key, save.Scope, sealed, kid, millis(at), millis(at.Add(refreshLifetime)), maybeMillis(due), user.AppID)
	return err
}

const endedLogin = `UPDATE logins SET outcome = $2, reason = '', user_id = $3, finished_at = $4, errcode = $5, step = $6,
		remote_addr = $7, user_agent = $8, identity_id = $9
	WHERE id = $1 AND outcome = 'pending'`

// endLogin saves the end of a login that signed somebody in. It adds the login if its
// claim is missing, so that the history is complete.
func endLogin(ctx context.Context, tx *sqldb.Tx, l auth.Login) error {
	ended, err := changed(tx.ExecContext(ctx, endedLogin, l.ID, auth.SignedIn, l.UserID, millis(l.FinishedAt), l.Errcode, l.Step,
		l.Device.RemoteAddr, l.Device.UserAgent, maybeText(l.IdentityID)))
	if err != nil || ended {
		return err
	}
	l.Outcome, l.Reason = auth.SignedIn, ""
	added, err := addLogin(ctx, tx, l)
	if err == nil && !added {
		err = auth.Failf(auth.CodeSpent, "login %s has ended already", l.ID)
	}
	return err
}
