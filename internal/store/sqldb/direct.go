package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// directStmts are the statements that transactions repeat, prepared on the connection of
// the one writer. database/sql and sqlx would double what a small statement costs: they
// make and discard a statement for the transaction, watch rows for their context, and copy
// values twice. They are used by whoever holds the connection.
type directStmts struct {
	queries []string
	conn    any // the driver's connection that the statements belong to
	stmts   map[string]*directStmt
}

// on prepares the statements on a connection, unless they belong to it already.
func (d *directStmts) on(ctx context.Context, conn *sqlx.Conn) error {
	return conn.Raw(func(raw any) error {
		if d.conn == raw {
			return nil
		}
		d.close()
		stmts := make(map[string]*directStmt, len(d.queries))
		d.stmts = stmts // so that close finds what has been prepared, even after an error
		for _, query := range d.queries {
			stmt, err := raw.(driver.ConnPrepareContext).PrepareContext(ctx, query)
			if err != nil {
				d.close()
				return err
			}
			stmts[query] = &directStmt{driverStmt: stmt.(driverStmt)}
		}
		d.conn = raw
		return nil
	})
}

// of returns the statement of a query, or nil when it is not one of these.
func (d *directStmts) of(query string) *directStmt {
	if d == nil {
		return nil
	}
	return d.stmts[query]
}

// close closes the statements of a connection that was replaced, or is about to be closed.
func (d *directStmts) close() {
	if d == nil {
		return
	}
	for _, stmt := range d.stmts {
		_ = stmt.Close()
	}
	d.conn, d.stmts = nil, nil
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// directStmt is one of them.
type directStmt struct {
	driverStmt
	into   reflect.Type // the type that fields belongs to
	fields [][]int      // the field of each column
	row    []driver.Value
}

// exec runs the statement.
func (s *directStmt) exec(args []any) (sql.Result, error) {
	values, err := driverValues(args)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), values)
}

// get reads the first row of its result into dest, as sqlx does.
func (s *directStmt) get(mapper *reflectx.Mapper, dest any, args []any) (err error) {
	values, err := driverValues(args)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), values)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	to := reflect.ValueOf(dest).Elem()
	if s.into != to.Type() {
		if err := s.aim(mapper, to.Type(), rows.Columns()); err != nil {
			return err
		}
	}
	if err := rows.Next(s.row); err == io.EOF {
		return sql.ErrNoRows
	} else if err != nil {
		return err
	}
	for i, value := range s.row {
		field := to
		if s.fields != nil {
			field = reflectx.FieldByIndexes(to, s.fields[i])
		}
		if ok, err := assign(field, value); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("column %s is %T, for which there is no place in %v", rows.Columns()[i], value, to.Type())
		}
	}
	return nil
}

// aim finds the field of each column in values of a type.
func (s *directStmt) aim(mapper *reflectx.Mapper, into reflect.Type, columns []string) error {
	s.into, s.fields, s.row = nil, nil, make([]driver.Value, len(columns))
	if into.Kind() == reflect.Struct && !reflect.PointerTo(into).Implements(scannerType) {
		s.fields = mapper.TraversalsByName(into, columns)
		for i, field := range s.fields {
			if len(field) == 0 {
				return fmt.Errorf("there is no place for column %s in %v", columns[i], into)
			}
		}
	} else if len(columns) != 1 {
		return fmt.Errorf("there is no place for column %s in %v", columns[len(columns)-1], into)
	}
	s.into = into
	return nil
}

var scannerType = reflect.TypeFor[sql.Scanner]()

// driverValues converts arguments as database/sql does for a driver.
func driverValues(args []any) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, err
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return values, nil
}

// assign sets a field, for the types that our columns have; ok is false for others.
func assign(to reflect.Value, value driver.Value) (ok bool, err error) {
	if scanner, ok := to.Addr().Interface().(sql.Scanner); ok {
		return true, scanner.Scan(value)
	}
	switch v := value.(type) {
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return true, nil
		}
	case []byte: // a column that is not text
		if to.Kind() == reflect.String {
			to.SetString(string(v))
			return true, nil
		}
	case int64:
		if to.Kind() == reflect.Bool && (v == 0 || v == 1) {
			to.SetBool(v == 1)
			return true, nil
		}
		if to.CanInt() && !to.OverflowInt(v) {
			to.SetInt(v)
			return true, nil
		}
	}
	return false, nil
}
