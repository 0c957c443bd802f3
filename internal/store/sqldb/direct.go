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

// directStmts are the statements that transactions repeat, on the connection of the one
// writer. Through database/sql and sqlx each costs as much again as a small statement
// takes: a statement of the transaction is made and thrown away, rows are watched, and
// values are copied twice. They are used by whoever holds the connection.
type directStmts struct {
	queries []string
	conn    any // the driver's connection that the statements belong to
	stmts   map[string]*directStmt
}

// on has the statements be those of a connection.
func (d *directStmts) on(ctx context.Context, conn *sqlx.Conn) error {
	return conn.Raw(func(raw any) error {
		if d.conn == raw {
			return nil
		}
		d.close()
		stmts := make(map[string]*directStmt, len(d.queries))
		d.stmts = stmts // what has been prepared is closed, whatever happens
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

// of is a statement, or nil when it is none of them.
func (d *directStmts) of(query string) *directStmt {
	if d == nil {
		return nil
	}
	return d.stmts[query]
}

// close is for a connection that is no longer the one, or is about to be closed.
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

// directStmt is one.
type directStmt struct {
	driverStmt
	into   reflect.Type // that fields are of
	fields [][]int      // of each column
	row    []driver.Value
}

// exec runs it.
func (s *directStmt) exec(args []any) (sql.Result, error) {
	values, err := driverValues(args)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), values)
}

// get reads its first row into dest, as sqlx does.
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

// aim finds the place of each column in values of a type.
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

// driverValues are arguments as database/sql hands them to a driver.
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

// assign is for the types that columns of ours have; false for another.
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
	case []byte: // what is no text
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
