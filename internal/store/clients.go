package store

import (
	"context"
	"errors"

	"database/sql"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

const clientColumns = `clients.id, clients.number, clients.name, clients.secret_hash, clients.redirect_uris, clients.logout_uris,
	clients.backchannel_uri, clients.account, clients.alg, clients.native, clients.email, clients.wechat, clients.trusted,
	clients.group_names, clients.issuer, clients.created_at`

type clientRow struct {
	ID           string   `db:"id"`
	Number       int64    `db:"number"`
	Name         string   `db:"name"`
	SecretHash   string   `db:"secret_hash"`
	RedirectURIs string   `db:"redirect_uris"`
	LogoutURIs   string   `db:"logout_uris"`
	Backchannel  string   `db:"backchannel_uri"`
	Account      string   `db:"account"`
	Alg          auth.Alg `db:"alg"`
	Native       bool     `db:"native"`
	Email        bool     `db:"email"`
	WeChat       bool     `db:"wechat"`
	Trusted      bool     `db:"trusted"`
	Groups       string   `db:"group_names"`
	Issuer       string   `db:"issuer"`
	CreatedAt    int64    `db:"created_at"`
}

func (r clientRow) client() auth.Client {
	return auth.Client{
		ID:           r.ID,
		Number:       r.Number,
		Name:         r.Name,
		SecretHash:   r.SecretHash,
		RedirectURIs: texts(r.RedirectURIs),
		LogoutURIs:   texts(r.LogoutURIs),
		Backchannel:  r.Backchannel,
		Account:      r.Account,
		Alg:          r.Alg,
		Native:       r.Native,
		Email:        r.Email,
		WeChat:       r.WeChat,
		Trusted:      r.Trusted,
		Groups:       doorkeepers(r.Groups),
		Issuer:       r.Issuer,
		CreatedAt:    instant(r.CreatedAt),
	}
}

// doorkeepers are the groups that may enter. Without groups everybody may, so for a list
// that somebody has damaged by hand it returns a group that nobody can be in.
func doorkeepers(list string) []string {
	if groups := texts(list); list == "[]" || len(groups) > 0 {
		return groups
	}
	return []string{"?"}
}

const clientQuery = `SELECT ` + clientColumns + ` FROM clients WHERE id = $1`

// ClientByID implements auth.GrantStore.
func (s *Store) ClientByID(ctx context.Context, id string) (auth.Client, error) {
	client, state := s.cache.client(id)
	if client == nil {
		var row clientRow
		if err := s.client.GetContext(ctx, &row, id); err != nil {
			return auth.Client{}, s.orNone(ctx, "read client", err, auth.NoSuchClient)
		}
		read := row.client()
		client = &read
		s.cache.addClient(client, state)
	}
	return *client, nil
}

// Clients implements admin.Store.
func (s *Store) Clients(ctx context.Context) ([]auth.Client, error) {
	var rows []clientRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+clientColumns+` FROM clients ORDER BY name`); err != nil {
		return nil, s.fail(ctx, "list clients", err)
	}
	return each(rows, clientRow.client), nil
}

// AddClient implements admin.Store.
func (s *Store) AddClient(ctx context.Context, c auth.Client, event admin.Event) error {
	return s.writeFor(ctx, "add client", &touched{clients: true}, func(tx *sqldb.Tx) error {
		added, err := changed(tx.ExecContext(ctx, `INSERT INTO clients (id, number, name, secret_hash, redirect_uris, logout_uris,
				backchannel_uri, account, alg, native, email, wechat, trusted, group_names, issuer, created_at)
			SELECT CAST($1 AS TEXT), COALESCE(MAX(number), 0) + 1, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT),
				CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS BIGINT),
				CAST($12 AS BIGINT), CAST($13 AS TEXT), CAST($14 AS TEXT), CAST($15 AS BIGINT)
			FROM clients WHERE true
			ON CONFLICT (name) DO NOTHING`,
			c.ID, c.Name, c.SecretHash, jsonList(c.RedirectURIs), jsonList(c.LogoutURIs), c.Backchannel, c.Account, c.Alg,
			flag(c.Native), flag(c.Email), flag(c.WeChat), flag(c.Trusted), jsonList(c.Groups), c.Issuer, millis(c.CreatedAt)))
		if err != nil {
			return err
		}
		if !added {
			return auth.Failf(auth.BadClient, "there is a client %q already", c.Name)
		}
		return addEvent(ctx, tx, event)
	})
}

// EditClient implements admin.Store.
func (s *Store) EditClient(ctx context.Context, c auth.Client, event admin.Event) error {
	return s.writeFor(ctx, "edit client", &touched{clients: true}, func(tx *sqldb.Tx) error {
		found, err := changed(tx.ExecContext(ctx, `UPDATE clients SET secret_hash = $2, redirect_uris = $3, logout_uris = $4,
				backchannel_uri = $5, account = $6, alg = $7, native = $8, email = $9, wechat = $10, trusted = $11, group_names = $12, issuer = $13
			WHERE id = $1`,
			c.ID, c.SecretHash, jsonList(c.RedirectURIs), jsonList(c.LogoutURIs), c.Backchannel, c.Account, c.Alg,
			flag(c.Native), flag(c.Email), flag(c.WeChat), flag(c.Trusted), jsonList(c.Groups), c.Issuer))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchClient, nil)
		}
		return addEvent(ctx, tx, event)
	})
}

// RemoveClient implements admin.Store. Consents, grants and pending notices of logouts are
// deleted with the row (ON DELETE CASCADE).
func (s *Store) RemoveClient(ctx context.Context, id string, event admin.Event) error {
	return s.writeFor(ctx, "remove client", &touched{clients: true}, func(tx *sqldb.Tx) error {
		found, err := changed(tx.ExecContext(ctx, `DELETE FROM clients WHERE id = $1`, id))
		if err != nil {
			return err
		}
		if !found {
			return auth.Fail(auth.NoSuchClient, nil)
		}
		return addEvent(ctx, tx, event)
	})
}

// Consent implements auth.GrantStore.
func (s *Store) Consent(ctx context.Context, userID, clientID string) (auth.Consent, error) {
	var row consentRow
	err := s.db.GetContext(ctx, &row, `SELECT user_id, client_id, scopes, agreed_at FROM consents
		WHERE user_id = $1 AND client_id = $2`, userID, clientID)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Consent{}, nil
	}
	if err != nil {
		return auth.Consent{}, s.fail(ctx, "read consent", err)
	}
	return row.consent(), nil
}

type consentRow struct {
	UserID   string `db:"user_id"`
	ClientID string `db:"client_id"`
	Scopes   string `db:"scopes"`
	AgreedAt int64  `db:"agreed_at"`
}

func (r consentRow) consent() auth.Consent {
	return auth.Consent{UserID: r.UserID, ClientID: r.ClientID, Scopes: words(r.Scopes), AgreedAt: instant(r.AgreedAt)}
}

// SaveConsent implements auth.GrantStore.
func (s *Store) SaveConsent(ctx context.Context, c auth.Consent) error {
	return s.writeFor(ctx, "save consent", &touched{}, func(tx *sqldb.Tx) error {
		// Selected from the tables of people and clients, so that nothing is added for one
		// that is gone.
		_, err := tx.ExecContext(ctx, `INSERT INTO consents (user_id, client_id, scopes, agreed_at)
			SELECT users.id, clients.id, CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM users, clients
			WHERE users.id = $1 AND clients.id = $2
			ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes, agreed_at = excluded.agreed_at`,
			c.UserID, c.ClientID, sentence(c.Scopes), millis(c.AgreedAt))
		return err
	})
}
