package sqldb

import (
	"context"
	"errors"
	"fmt"

	"wxlogin/internal/auth"
)

// Fault is what an error says about the engine that made it. The zero Fault: nothing is
// known.
type Fault struct {
	Words   string // for the operator
	Busy    bool   // somebody else holds the lock, so a retry may help
	Again   bool   // the transaction did nothing, and may succeed when it is run again
	Gone    bool   // the connection broke off; what was in progress may have been done
	Stale   bool   // a new connection may not have it
	NoText  bool   // a value is not valid text, so nothing stored equals it
	Lasting bool   // it will fail until somebody repairs it
	Damaged bool   // other writes that succeed do not mean that it is repaired
}

// Fault diagnoses the state of the engine from an error.
func (db *DB) Fault(err error) Fault { return db.diagnose(err) }

// Fail makes the error that the layer above returns. An error that has a reason keeps it,
// a value that is not valid text becomes BadRequest, and every other becomes StoreDown;
// that wraps what was being done, the fault of the database in plain words, and the error
// of a context that has ended. A lasting fault makes the database unready for a while.
func (db *DB) Fail(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if named, ok := errors.AsType[*auth.Error](err); ok {
		return named
	}
	fault := db.diagnose(err)
	if lost := db.lost(fault); lost != nil {
		err, fault = lost, Fault{} // this is the cause, and says what to do
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

// lost returns an error if a fault comes from files that are no longer the ones that were
// opened.
func (db *DB) lost(fault Fault) error {
	if !fault.Lasting {
		return nil
	}
	return db.watch.look()
}
