package sqldb

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Clause is a piece of SQL with the values of its placeholders, $1 and on. Statements are
// composed of them.
type Clause struct {
	Text string
	Args []any
}

// SQL makes a Clause.
func SQL(text string, args ...any) Clause { return Clause{text, args} }

var placeholder = regexp.MustCompile(`\$[0-9]+`)

// Join concatenates clauses, and renumbers the placeholders of each to follow those before
// it.
func Join(clauses ...Clause) (all Clause) {
	for _, c := range clauses {
		before := len(all.Args)
		if before > 0 && len(c.Args) > 0 {
			c.Text = placeholder.ReplaceAllStringFunc(c.Text, func(found string) string {
				n, _ := strconv.Atoi(found[1:])
				return "$" + strconv.Itoa(before+n)
			})
		}
		all.Text += c.Text
		all.Args = append(all.Args, c.Args...)
	}
	return all
}

// Then appends a piece of SQL.
func (c Clause) Then(text string, args ...any) Clause { return Join(c, SQL(text, args...)) }

// And appends conditions, the first after WHERE.
func (c Clause) And(where []Clause) Clause {
	word := " WHERE "
	for _, condition := range where {
		c, word = Join(c, SQL(word), condition), " AND "
	}
	return c
}

// In is the condition that a column has one of some values, of which there has to be one
// at least.
func In[T any](column string, values []T) Clause {
	places, args := make([]string, len(values)), make([]any, len(values))
	for i, value := range values {
		places[i], args[i] = "$"+strconv.Itoa(i+1), value
	}
	return Clause{column + " IN (" + strings.Join(places, ", ") + ")", args}
}

// Among is In for very many texts, as one value: SQLite takes longer to parse a
// placeholder than to look up its value.
func (d Dialect) Among(column string, texts []string) Clause {
	if d.ManyWriters {
		return SQL(column+" = ANY($1)", texts)
	}
	list, err := json.Marshal(texts)
	if err != nil {
		panic(err) // never for texts
	}
	return SQL(column+" IN (SELECT value FROM json_each($1))", string(list))
}

// Get is GetContext with a Clause.
func (db *DB) Get(ctx context.Context, dest any, c Clause) error {
	return db.GetContext(ctx, dest, c.Text, db.planned(c)...)
}

// Select is SelectContext with a Clause.
func (db *DB) Select(ctx context.Context, dest any, c Clause) error {
	return db.SelectContext(ctx, dest, c.Text, db.planned(c)...)
}

// planned returns the values of a composed statement, so that PostgreSQL plans it for them
// each time. It would plan a prepared one without regard to the values from the sixth time
// on, and could not estimate any more how much of an index lies between two bounds.
func (db *DB) planned(c Clause) []any {
	if !db.ManyWriters || db.pooler.chosen {
		return c.Args
	}
	return append([]any{pgx.QueryExecModeExec}, c.Args...)
}
