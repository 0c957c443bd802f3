package sqldb

import (
	"context"
	"errors"
	"fmt"

	"wxlogin/internal/auth"
)

// Fault is what an error says of the engine that made it. The zero Fault: nothing
// is known.
type Fault struct {
	Words   string // for the operator
	Busy    bool   // somebody else holds the lock, so trying again may help
	Again   bool   // the transaction did nothing, and may do better when run once more
	Gone    bool   // the connection broke off; what was under way may have happened
	Stale   bool   // a new connection may find it otherwise
	NoText  bool   // a value is no text, so nothing stored equals it
	Lasting bool   // it is going to fail until somebody does something
	Damaged bool   // and nothing that works elsewhere says that it is well again
}

// Fault says what state of the engine an error speaks of.
func (db *DB) Fault(err error) Fault { return db.diagnose(err) }

// Fail makes the error that the layer above returns: one that has a reason keeps
// it, a value that is no text is a BadRequest, every other is StoreDown, with what
// was being done, the fault of the database in plain words, and the context's own
// end within. A lasting fault makes the database unready for a while.
func (db *DB) Fail(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if named, ok := errors.AsType[*auth.Error](err); ok {
		return named
	}
	fault := db.diagnose(err)
	if lost := db.lost(fault); lost != nil {
		err, fault = lost, Fault{} // it is why, and says what to do
	}
	err = oneLine(err)
	if fault.Words != "" {
		err = fmt.Errorf("%s: %w", fault.Words, err)
	}
	if fault.Lasting {
		db.refused.Store(&refusal{at: db.now(), err: err, damaged: fault.Damaged})
	}
	if fault.Stale {
		db.reconnect()
	}
	if fault.NoText {
		return auth.Fail(auth.BadRequest, fmt.Errorf("%s: %w", what, err))
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return auth.Fail(auth.StoreDown, fmt.Errorf("%s: %w", what, err))
}

// lost says that a fault comes of files that are no longer the ones opened.
func (db *DB) lost(fault Fault) error {
	if !fault.Lasting {
		return nil
	}
	return db.watch.look()
}
