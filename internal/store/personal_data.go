package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// personalDataPage is how many rows of a list are read at once.
const personalDataPage = 100

// EachOfPersonalData passes everything stored about a person to visit. NoSuchUser, before
// anything else, when there is no such person. Hashes are left out: they are not data
// about a person, and useful only to somebody who steals the rest.
//
// For nearly everybody all of it is read in one transaction, in one snapshot. Only lists
// longer than a page are read further page by page, with nothing held open while visit
// takes its time: a snapshot of SQLite would keep its log from being reset for as long as
// somebody reads slowly. The result is the same: the lists go back in time from that
// moment, so they have nothing later, and their entries do not change. Only an erasure
// removes them, so at the end NoSuchUser is returned too if the person is gone by then.
func (s *Store) EachOfPersonalData(ctx context.Context, userID string, visit admin.PersonalDataVisitor) error {
	var first personalData
	err := s.db.Snapshot(ctx, func(tx *sqldb.Tx) (err error) {
		first, err = readPersonalData(ctx, tx, userID)
		return err
	})
	if err != nil {
		return s.orNone(ctx, "read personal data", err, auth.NoSuchUser)
	}
	if err := visit.Person(first.user.User()); err != nil {
		return err
	}
	if err := eachBefore(ctx, s, first.sessions, sessionsBefore, sessionRow.position, func(row sessionRow) error {
		row.TokenHash = ""
		return visit.Session(row.session())
	}, userID); err != nil {
		return err
	}
	if err := eachBefore(ctx, s, first.logins, loginsBefore, loginRow.position, func(row loginRow) error {
		row.SessionHash = ""
		return visit.Login(row.login())
	}, userID); err != nil {
		return err
	}
	if err := list.Each(first.events, personalDataPage, eventPosition, func(from list.Position) ([]list.EventRow, error) {
		rows, err := eventsBefore(ctx, s.db, from, first.names())
		return rows, s.fail(ctx, "read personal data", err)
	}, func(row list.EventRow) error {
		return visit.Event(row.Event())
	}); err != nil {
		return err
	}
	if max(len(first.sessions), len(first.logins), len(first.events)) == personalDataPage {
		if _, err := s.User(ctx, userID); err != nil {
			return err
		}
	}
	if err := visit.Identities(each(first.identities, identityRow.identity), each(first.joined, joinedRow.person)); err != nil {
		return err
	}
	if err := visit.Following(first.following); err != nil {
		return err
	}
	if err := visit.Access(first.access); err != nil {
		return err
	}
	return visit.Rest(first.token, first.picture)
}

// personalData is what the one transaction reads.
type personalData struct {
	user       list.UserRow
	identities []identityRow
	joined     []joinedRow // the people who were joined to them
	sessions   []sessionRow
	logins     []loginRow
	events     []list.EventRow
	following  []auth.Following
	access     []admin.Access
	token      *admin.TokenInfo
	picture    auth.Picture
}

func readPersonalData(ctx context.Context, tx *sqldb.Tx, userID string) (d personalData, err error) {
	if err := tx.GetContext(ctx, &d.user, `SELECT `+list.UserColumns+` FROM users WHERE id = $1`, userID); err != nil {
		return d, err
	}
	if err := tx.SelectContext(ctx, &d.sessions, sessionsBefore, before(newest, []any{userID})...); err != nil {
		return d, err
	}
	if err := tx.SelectContext(ctx, &d.logins, loginsBefore, before(newest, []any{userID})...); err != nil {
		return d, err
	}
	if d.identities, err = identitiesOf(ctx, tx, userID); err != nil {
		return d, err
	}
	if err := tx.SelectContext(ctx, &d.joined, `SELECT joined_people.person, joined_people.came_with, joined_people.rest, joined_people.kept FROM joined_people JOIN identities ON identities.id = joined_people.identity_id
		WHERE identities.user_id = $1 ORDER BY identities.id`, userID); err != nil {
		return d, err
	}
	if d.events, err = eventsBefore(ctx, tx, newest, d.names()); err != nil {
		return d, err
	}
	if d.following, err = followingOf(ctx, tx, []string{userID}); err != nil {
		return d, err
	}
	if d.access, err = accessOf(ctx, tx, userID); err != nil {
		return d, err
	}
	if d.token, err = tokenInfo(ctx, tx, userID); err != nil {
		return d, err
	}
	d.picture, err = readPicture(ctx, tx, userID)
	return d, err
}

// names are the names under which the audit log has the person, the id first.
func (d *personalData) names() []any {
	names := []any{d.user.ID, d.user.OpenID}
	for _, i := range d.identities {
		names = append(names, i.ID, i.OpenID)
	}
	return names
}

// namesAtOnce limits the terms of one statement: SQLite takes 500, and each name needs
// two.
const namesAtOnce = 100

// eventsBefore reads a page of the events by or about a person with these names, before a
// position and newest first. A person may have any number of names.
func eventsBefore(ctx context.Context, db selecter, from list.Position, names []any) (rows []list.EventRow, err error) {
	for some := range slices.Chunk(names, namesAtOnce) {
		var theirs []list.EventRow
		if err := db.SelectContext(ctx, &theirs, eventsOf(len(some)), before(from, some)...); err != nil {
			return nil, err
		}
		rows = append(rows, theirs...)
	}
	slices.SortFunc(rows, func(a, b list.EventRow) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID))
	})
	rows = slices.CompactFunc(rows, func(a, b list.EventRow) bool { return a.ID == b.ID })
	return rows[:min(len(rows), personalDataPage)], nil
}

// eventsOf selects a page by an index for each of so many names.
func eventsOf(names int) string {
	var picked []string
	for i := range names {
		for _, column := range []string{"subject", "actor"} {
			picked = append(picked, fmt.Sprintf(`SELECT id FROM (SELECT id FROM events WHERE %s = $%d AND (at, id) < ($1, $2) ORDER BY at DESC, id DESC LIMIT $3) AS picked%[2]d%[1]s`,
				column, i+4))
		}
	}
	return `SELECT id, at, actor, action, subject, detail FROM events WHERE id IN (` + strings.Join(picked, ` UNION `) + `) ORDER BY at DESC, id DESC LIMIT $3`
}

// The other lists of personal data, before a position and newest first. Each is read along
// an index.
const (
	sessionsBefore = `SELECT ` + sessionColumns + ` FROM sessions
		WHERE user_id = $4 AND (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3`
	loginsBefore = `SELECT ` + loginColumns + ` FROM logins
		WHERE user_id = $4 AND (started_at, id) < ($1, $2) ORDER BY started_at DESC, id DESC LIMIT $3`
)

// newest is where the first page of a list begins.
var newest = list.Position{At: math.MaxInt64}

func before(p list.Position, who []any) []any {
	return append([]any{p.At, p.ID, personalDataPage}, who...)
}

// eachBefore calls visit for every row of a list whose first page has been read.
func eachBefore[Row any](ctx context.Context, s *Store, first []Row, statement string, position func(Row) list.Position, visit func(Row) error, userID string) error {
	return list.Each(first, personalDataPage, position, func(from list.Position) (rows []Row, err error) {
		err = s.db.SelectContext(ctx, &rows, statement, before(from, []any{userID})...)
		return rows, s.fail(ctx, "read personal data", err)
	}, visit)
}

func eventPosition(r list.EventRow) list.Position { return list.Position{At: r.At, ID: r.ID} }
func (r sessionRow) position() list.Position      { return list.Position{At: r.CreatedAt, ID: r.ID} }
func (r loginRow) position() list.Position        { return list.Position{At: r.StartedAt, ID: r.ID} }

// Token returns what is known of a person's refresh_token; of several, that of the first
// identity that has one; nil when none is stored.
func (s *Store) Token(ctx context.Context, userID string) (*admin.TokenInfo, error) {
	info, err := tokenInfo(ctx, s.db, userID)
	return info, s.fail(ctx, "read token", err)
}

const tokenInfoColumns = `identity_id, scope, issued_at, ends_at, due_at, dead_reason`

// tokenRow is a row of all_tokens, without the token.
type tokenRow struct {
	IdentityID string           `db:"identity_id"`
	Scope      auth.Scope       `db:"scope"`
	IssuedAt   int64            `db:"issued_at"`
	EndsAt     int64            `db:"ends_at"`
	DueAt      sql.Null[int64]  `db:"due_at"`
	Dead       sql.Null[string] `db:"dead_reason"`
}

func (r tokenRow) info() *admin.TokenInfo {
	return &admin.TokenInfo{Scope: r.Scope, IssuedAt: instant(r.IssuedAt), EndsAt: instant(r.EndsAt), DueAt: maybeInstant(r.DueAt), DeadReason: r.Dead.V}
}

func tokenInfo(ctx context.Context, db getter, userID string) (*admin.TokenInfo, error) {
	var row tokenRow
	err := db.GetContext(ctx, &row, `SELECT `+tokenInfoColumns+` FROM all_tokens WHERE user_id = $1 ORDER BY identity_id LIMIT 1`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return row.info(), nil
}

// tokensOf reads what is known of all of a person's refresh_tokens, by the identity's id.
func tokensOf(ctx context.Context, db selecter, userID string) (map[string]*admin.TokenInfo, error) {
	var rows []tokenRow
	err := db.SelectContext(ctx, &rows, `SELECT `+tokenInfoColumns+` FROM all_tokens WHERE user_id = $1`, userID)
	tokens := make(map[string]*admin.TokenInfo, len(rows))
	for _, row := range rows {
		tokens[row.IdentityID] = row.info()
	}
	return tokens, err
}

// joinedUser decodes a person who was joined to another.
func joinedUser(person string) auth.User {
	var row list.UserRow
	_ = json.Unmarshal([]byte(person), &row) // a damaged row gives what can be read of it
	return row.User()
}
