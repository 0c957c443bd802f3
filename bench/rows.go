package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"wxlogin/bench/rig"
)

// A login is compared with transactions of one row each, every one synced before the next
// begins, on one connection in a process of its own.

const rowsCommand = "rows"

// rowsParams are the parameters of the program's own writer, except those about other
// connections and about checkpoints elsewhere: there is no other connection.
const rowsParams = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(67108864)" +
	"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_dqs=0&_defensive=1&_txlock=immediate"

// written is the result of the process.
type written struct {
	Rows    int
	Seconds float64
}

func (w written) rate() float64 { return float64(w.Rows) / w.Seconds }

// writeRows is the command of the process.
func writeRows(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet(rowsCommand, flag.ContinueOnError)
	database := flags.String("database-url", "", "sqlite:PATH or postgres://…")
	d := flags.Duration("for", time.Second, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	db, _, err := rig.Open(*database, rowsParams)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS bench_rows (id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)`); err != nil {
		return err
	}
	insert, err := db.PrepareContext(ctx, `INSERT INTO bench_rows (id, at) VALUES ($1, $2)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	var w written
	began := time.Now()
	for time.Since(began) < *d {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		now := time.Now()
		_, err = tx.StmtContext(ctx, insert).ExecContext(ctx, fmt.Sprintf("%020d-%06d", now.UnixNano(), w.Rows), now.UnixMilli())
		if err := errors.Join(err, tx.Commit()); err != nil {
			return err
		}
		w.Rows++
	}
	w.Seconds = time.Since(began).Seconds()
	return json.NewEncoder(stdout).Encode(w)
}

// rowsFor runs the process for a while.
func rowsFor(ctx context.Context, folder, database string, d time.Duration) (written, error) {
	out, err := runChild(ctx, folder, rowsCommand, "--database-url", database, "--for", d.String())
	if err != nil {
		return written{}, err
	}
	var w written
	if err := json.Unmarshal(out, &w); err != nil || w.Rows == 0 {
		return w, fmt.Errorf("%s told %q: %w", rowsCommand, out, err)
	}
	return w, nil
}
