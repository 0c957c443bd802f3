package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// joinedPerson is what is stored of a person who was joined to another: all that an undo
// needs, apart from the rows that moved.
type joinedPerson struct {
	Person   list.UserRow
	CameWith []string // ids of their further identities
	Rest     joinedRest
	Kept     keptChange
}

// joinedRest are the rows that are deleted with the person.
type joinedRest struct {
	Consents  []keptConsent  `json:"consents"`
	Proposals []keptProposal `json:"proposals"`
	Picture   *auth.Picture  `json:"picture"`
}

// keptChange is what a join has changed in the person who is kept, apart from counts that
// it adds to.
type keptChange struct {
	Groups      []string `json:"groups"`        // groups that the join added
	Proposed    []string `json:"proposed"`      // ids of people proposed to be the same since
	Blocked     int      `json:"blocked"`       // before the join
	LastLoginAt int64    `json:"last_login_at"` // before the join
}

type keptConsent struct {
	ClientID string `db:"client_id" json:"client_id"`
	Scopes   string `db:"scopes" json:"scopes"`
	AgreedAt int64  `db:"agreed_at" json:"agreed_at"`
}

// keptProposal is a row of proposals, between the joined person and a third.
type keptProposal struct {
	Third       string          `db:"third" json:"third"`
	UnionID     string          `db:"unionid" json:"unionid"`
	NotedAt     int64           `db:"noted_at" json:"noted_at"`
	DismissedAt sql.Null[int64] `db:"dismissed_at" json:"dismissed_at"`
}

// rememberPerson reads what is stored of a person before a join.
func rememberPerson(ctx context.Context, tx *sqldb.Tx, person list.UserRow) (was joinedPerson, err error) {
	was.Person = person
	for _, read := range []struct {
		rows      any
		statement string
	}{
		{&was.CameWith, `SELECT id FROM identities WHERE user_id = $1 ORDER BY id`},
		{&was.Rest.Consents, `SELECT client_id, scopes, agreed_at FROM consents WHERE user_id = $1`},
		{&was.Rest.Proposals, `SELECT CASE WHEN user_id = $1 THEN other_id ELSE user_id END AS third, unionid, noted_at, dismissed_at
			FROM proposals WHERE user_id = $1 OR other_id = $1`},
	} {
		if err := tx.SelectContext(ctx, read.rows, read.statement, person.ID); err != nil {
			return was, err
		}
	}
	picture, err := readPicture(ctx, tx, person.ID)
	if len(picture.Body) > 0 {
		was.Rest.Picture = &picture
	}
	return was, err
}

// joinedRow is a row of joined_people.
type joinedRow struct {
	Person   string `db:"person"`
	CameWith string `db:"came_with"`
	Rest     string `db:"rest"`
	Kept     string `db:"kept"`
}

func (r joinedRow) joined() (was joinedPerson, err error) {
	was.CameWith = texts(r.CameWith)
	return was, errors.Join(json.Unmarshal([]byte(r.Person), &was.Person), json.Unmarshal([]byte(r.Rest), &was.Rest), json.Unmarshal([]byte(r.Kept), &was.Kept))
}

// person decodes the joined person; of a damaged row, what can be read.
func (r joinedRow) person() (p admin.JoinedPerson) {
	was, _ := r.joined()
	p.User = was.Person.User()
	if was.Rest.Picture != nil {
		p.Picture = *was.Rest.Picture
	}
	return p
}

// writeJoined saves a joined person, and replaces an existing row.
func writeJoined(ctx context.Context, tx *sqldb.Tx, was joinedPerson) error {
	person, err := json.Marshal(was.Person)
	if err != nil {
		return err
	}
	rest, err := json.Marshal(was.Rest)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(was.Kept)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO joined_people (identity_id, person, came_with, rest, kept) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (identity_id) DO UPDATE SET person = excluded.person, came_with = excluded.came_with, rest = excluded.rest, kept = excluded.kept`,
		was.Person.ID, string(person), jsonList(was.CameWith), string(rest), string(kept))
	return err
}
