package list

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// counting counts the entries of the index up to a limit.
func (index candidateIndex) counting(limit int64) sqldb.Clause {
	return sqldb.Join(sqldb.SQL("SELECT COUNT(*) AS entries, "+index.people+" AS people FROM ("), index.entries, sqldb.SQL(" LIMIT $1) AS counted", limit))
}

// entryCount is how many entries a candidate index has.
type entryCount struct {
	Entries int64 `db:"entries"`
	People  int64 `db:"people"` // among them
}

func (p *people) countEntries(ctx context.Context, index candidateIndex, limit int64) (count entryCount, err error) {
	err = p.lists.db.Get(ctx, &count, index.counting(limit))
	return count, err
}

// gather reads the positions of all the people in the order. With later, the late
// conditions are checked page by page instead, and people who do not meet them are among
// the positions.
func (p *people) gather(ctx context.Context, index candidateIndex, later bool) error {
	all := *p
	if later {
		all.late = nil
	} else {
		p.late = nil
	}
	var rows []struct {
		At int64  `db:"at"`
		ID string `db:"id"`
	}
	if err := p.lists.db.Select(ctx, &rows, all.gathering(index)); err != nil {
		return err
	}
	for _, row := range rows {
		p.positions = append(p.positions, Position{row.At, row.ID})
	}
	p.gathered = true
	if len(p.late) == 0 {
		p.counted, p.total = true, admin.Total{N: int64(len(rows))}
	}
	return nil
}

// gathering finds the people by a candidate index. Its limit tells the planner that there
// are few, and the unary plus keeps the engines from scanning the order instead.
func (p *people) gathering(index candidateIndex) sqldb.Clause {
	from, where := sqldb.SQL(index.users), p.conditions()
	if index.users == "" {
		from = sqldb.SQL(fmt.Sprintf("(SELECT DISTINCT id FROM (%s) AS ids LIMIT %d) AS chosen CROSS JOIN %s", index.ids.Text, 2*index.few, p.beside), index.ids.Args...)
		where = append([]sqldb.Clause{{Text: p.id + " = chosen.id"}}, where...)
	}
	direction := p.direction(false)
	if p.gatherAt.Text != "" {
		return sqldb.Join(sqldb.SQL("SELECT "), p.gatherAt, sqldb.SQL(" AS at, users.id FROM "), from).And(where).Then(" ORDER BY 1" + direction + ", 2" + direction)
	}
	return sqldb.Join(sqldb.SQL("SELECT "+p.at+" AS at, users.id FROM "), from).And(where).
		Then(" ORDER BY +" + p.at + direction + ", users.id" + direction)
}

// readGathered is read for people who have been gathered. It leaves out those who were
// erased since.
func (p *people) readGathered(ctx context.Context, from *Position, back bool, limit int) ([]listedUser, error) {
	positions := p.positions
	if from != nil {
		i, found := slices.BinarySearchFunc(positions, *from, func(a, b Position) int { return p.compare(a, b, false) })
		if back {
			positions = positions[:i]
		} else {
			if found {
				i++
			}
			positions = positions[i:]
		}
	}
	positions = slices.Clone(positions)
	if back {
		slices.Reverse(positions)
	}
	var all []listedUser
	for size := limit; len(positions) > 0 && len(all) < limit; size = min(2*size, admin.MaxPage) {
		some := positions[:min(size, len(positions))]
		positions = positions[len(some):]
		rows, err := p.rowsAt(ctx, some)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all[:min(limit, len(all))], nil
}

// rowsAt reads the people at some positions, except those who do not meet the late
// conditions.
func (p *people) rowsAt(ctx context.Context, positions []Position) ([]listedUser, error) {
	ids := each(positions, func(at Position) string { return at.ID })
	where := append([]sqldb.Clause{sqldb.In("users.id", ids)}, p.late...)
	rows, err := p.rows(ctx, sqldb.SQL("SELECT "+UserColumns+", 0 AS at FROM users").And(where))
	// In the order in which they were gathered: people who log in meanwhile keep their
	// places.
	nth := make(map[string]int, len(positions))
	for i, at := range positions {
		nth[at.ID] = i
	}
	for i := range rows {
		rows[i].At = positions[nth[rows[i].ID]].At
	}
	slices.SortFunc(rows, func(a, b listedUser) int { return cmp.Compare(nth[a.ID], nth[b.ID]) })
	return rows, err
}
