//go:build !unix

package sqldb

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// openWALIndex finds no index: every visit reads the database.
func openWALIndex(context.Context, *sqlx.Conn, string) *walIndex { return nil }
