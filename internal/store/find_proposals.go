package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// peopleAtOnce is how many people one read looks at, so that none takes long.
const peopleAtOnce = 2000

// searchAgain is after how long the people of a group are searched again: a group that is
// configured again has missed logins meanwhile, and refreshed profiles bring unionids too.
const searchAgain = 24 * time.Hour

// FindProposals implements admin.Store. A login proposes the people that its unionid
// names; this finds those who logged in before their accounts were known to belong to one
// Open Platform account. The time of the search is recorded, so that of several processes
// and starts only one does it.
func (s *Store) FindProposals(ctx context.Context, groups [][]string, at time.Time) (found int64, err error) {
	due := millis(at.Add(-searchAgain)) / quarter
	for _, appIDs := range groups {
		if len(appIDs) < 2 {
			continue
		}
		note := "proposals " + auth.Hash(strings.Join(slices.Sorted(slices.Values(appIDs)), " "))
		var searched sql.Null[int64]
		if err := s.db.GetContext(ctx, &searched, `SELECT MAX(slot) FROM tallied WHERE what = $1`, note); err != nil {
			return found, s.fail(ctx, "look for proposals", err)
		}
		if searched.V > due {
			continue
		}
		n, err := s.findProposals(ctx, appIDs, at)
		if err != nil {
			return found, err
		}
		found += n
		err = s.writeFor(ctx, "note proposals", &touched{}, func(tx *sqldb.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO tallied (what, slot) VALUES ($1, $2) ON CONFLICT (what) DO UPDATE SET slot = excluded.slot`, note, millis(at)/quarter)
			return err
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// findProposals scans the unionids in the order of their index.
func (s *Store) findProposals(ctx context.Context, appIDs []string, at time.Time) (found int64, err error) {
	for from, last := "", false; !last; {
		var to string
		err := s.db.GetContext(ctx, &to, `SELECT unionid FROM users WHERE unionid > $1 ORDER BY unionid LIMIT 1 OFFSET $2`, from, peopleAtOnce)
		if last = errors.Is(err, sql.ErrNoRows); err != nil && !last {
			return found, s.fail(ctx, "look for proposals", err)
		}
		n, err := s.proposeWithin(ctx, from, to, last, appIDs, at)
		if err != nil {
			return found, err
		}
		found, from = found+n, to
	}
	return found, nil
}

// namesake is a person with a unionid that others have too.
type namesake struct {
	UnionID string `db:"unionid"`
	UserID  string `db:"user_id"`
}

// proposeWithin proposes the people with unionids after from and up to to.
func (s *Store) proposeWithin(ctx context.Context, from, to string, last bool, appIDs []string, at time.Time) (found int64, err error) {
	var all []namesake
	if err := s.db.Select(ctx, &all, namesakes(from, to, last, appIDs)); err != nil {
		return 0, s.fail(ctx, "look for proposals", err)
	}
	if len(all) == 0 {
		return 0, nil
	}
	err = s.writeFor(ctx, "propose people", &touched{}, func(tx *sqldb.Tx) error {
		found = 0
		for _, who := range all {
			if !auth.Joins(who.UnionID) {
				continue
			}
			n, err := propose(ctx, tx, who.UserID, who.UnionID, appIDs, at)
			if err != nil {
				return err
			}
			found += n
		}
		return nil
	})
	return found, err
}

// namesakes selects the people whose unionid others have too. Each table is scanned in the
// order of its index, and each unionid is looked up in the others.
func namesakes(from, to string, last bool, appIDs []string) sqldb.Clause {
	within := func(table string) sqldb.Clause {
		c := sqldb.SQL(table+".unionid > $1", from)
		if !last {
			c = c.Then(" AND "+table+".unionid <= $1", to)
		}
		return sqldb.Join(c, sqldb.SQL(" AND "), sqldb.In(table+".appid", appIDs))
	}
	return sqldb.Join(
		sqldb.SQL(`SELECT DISTINCT users.unionid, users.id AS user_id FROM users JOIN users AS others ON others.unionid = users.unionid AND others.id <> users.id
			WHERE `), within("users"), sqldb.SQL(` AND `), sqldb.In("others.appid", appIDs),
		sqldb.SQL(` UNION SELECT identities.unionid, identities.user_id FROM identities JOIN users ON users.unionid = identities.unionid AND users.id <> identities.user_id
			WHERE `), within("identities"), sqldb.SQL(` AND `), sqldb.In("users.appid", appIDs),
		sqldb.SQL(` UNION SELECT identities.unionid, identities.user_id FROM identities JOIN identities AS others ON others.unionid = identities.unionid AND others.user_id <> identities.user_id
			WHERE `), within("identities"), sqldb.SQL(` AND `), sqldb.In("others.appid", appIDs),
	)
}
