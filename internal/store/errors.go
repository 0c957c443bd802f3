package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"wxlogin/internal/auth"
)

// fail makes every error that leaves this package: one that has a reason keeps
// it, a value that is no text is a BadRequest, every other is StoreDown, with what was being done, the condition of the
// database in plain words, and the context's own end within.
func (s *Store) fail(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if named, ok := errors.AsType[*auth.Error](err); ok {
		return named
	}
	c := s.dialect.diagnose(err)
	err = oneLine(err)
	if c.words != "" {
		err = fmt.Errorf("%s: %w", c.words, err)
	}
	if c.lasting {
		s.refused.Store(&refusal{at: s.now(), err: err, damaged: c.damaged})
	}
	if c.stale {
		s.reconnect()
	}
	if c.noText {
		return auth.Fail(auth.BadRequest, fmt.Errorf("%s: %w", what, err))
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return auth.Fail(auth.StoreDown, fmt.Errorf("%s: %w", what, err))
}

// orNone is fail for the read of one row: reason when there is none.
func (s *Store) orNone(ctx context.Context, what string, err error, reason auth.Reason) error {
	if errors.Is(err, sql.ErrNoRows) || err != nil && s.dialect.diagnose(err).noText {
		return auth.Fail(reason, nil)
	}
	return s.fail(ctx, what, err)
}
