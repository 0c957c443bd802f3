package list

import (
	"context"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// Gathers says whether the people of a query are gathered by a candidate index instead of
// found by a scan of the order. For tests.
func (l *Lists) Gathers(ctx context.Context, q admin.UserQuery) (bool, error) {
	p, err := l.people(ctx, q)
	return err == nil && p.gathered, err
}

// Statement is a statement that finds people, for tests of how the engines plan it.
type Statement struct {
	Text string
	Args []any
	Scan bool // it scans the order
	From bool // it begins at a cursor
}

// Statements returns all statements that may answer a query.
func (l *Lists) Statements(ctx context.Context, q admin.UserQuery) (all []Statement, err error) {
	sel, err := l.selection(ctx, q)
	if err != nil {
		return nil, err
	}
	p := &people{selection: sel, lists: l}
	add := func(c sqldb.Clause, scan, from bool) { all = append(all, Statement{c.Text, c.Args, scan, from}) }
	for _, back := range []bool{false, true} {
		from := Position{At: 1, ID: "x"}
		if p.low != nil {
			from.At = p.low.At + 1
		}
		if p.high != nil {
			from.At = p.high.At - 1
		}
		for _, one := range p.scans(back) {
			add(one.scanOrder(nil, back, 51), true, false)
			add(one.scanOrder(&from, back, 51), true, true)
		}
	}
	for _, index := range p.candidates {
		add(index.counting(l.maxTotal), false, false)
		if index.few > 0 {
			add(p.gathering(index), false, false)
		}
		if index.listed.Text != "" {
			listing := *p
			listing.where = append(slices.Clone(p.where), index.listed)
			for _, one := range listing.scans(false) {
				add(one.scanOrder(nil, false, 51), true, false)
			}
		}
	}
	return all, nil
}

// scans are the scans that together find all people of the selection.
func (sel *selection) scans(back bool) (all []*selection) {
	if len(sel.streams) == 0 {
		return []*selection{sel}
	}
	for _, stream := range sel.streams {
		all = append(all, sel.of(stream, nil, back), sel.of(stream, &Position{At: 7}, back))
	}
	return all
}

// NamingStatement looks up the people that a text identifies in full.
func NamingStatement(text string) Statement {
	c := naming(text)
	return Statement{Text: c.Text, Args: c.Args}
}

// EventStatements returns all statements that may answer a query of the audit log about
// these people, or about everybody if there are none.
func EventStatements(q admin.EventQuery, whom ...string) (all []Statement) {
	for _, from := range []*Position{nil, {At: 1, ID: "x"}} {
		for _, back := range []bool{false, true} {
			c := findEvents(q, whom, from, back, 51)
			all = append(all, Statement{c.Text, c.Args, true, from != nil})
		}
	}
	return all
}
