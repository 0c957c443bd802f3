package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"wxlogin/internal/store/sqldb"
)

const (
	// clockJump is how far a clock may be from the last sweep of any process and still be
	// trusted at once. A running service sweeps every few minutes.
	clockJump = 24 * time.Hour
	// clockProof is how long a clock that is further away has to go on before it is
	// trusted: time to see the warning, and for a machine to learn the time.
	clockProof = 24 * time.Hour
	// clockPause is the longest time between two checks meanwhile: after more, the clock
	// has jumped again.
	clockPause = time.Hour
)

// clockDoubt is the state of a clock that is not trusted. The zero value is for a clock
// that is.
type clockDoubt struct {
	mu   sync.Mutex
	from time.Time // the first check
	last time.Time // the last check
	mark int64     // the mark at the first check; whoever has changed it since has another clock
}

// believes says whether the clock may decide what is old. What a sweep deletes cannot be
// brought back: to a clock that is a year ahead, all sessions have ended and all history
// is too old. So each sweep records its time, in quarter hours since 1970. A clock further
// than clockJump from that mark, ahead or behind, has jumped, or nothing was running
// meanwhile, which looks the same. It is trusted once it has gone on for clockProof in
// this process and nobody else has swept by another clock. Until then nothing is deleted;
// what has ended is useless anyway.
func (s *Store) believes(ctx context.Context, now time.Time) (bool, error) {
	now = now.Round(0) // only the wall clock shows a jump
	d := &s.doubt
	d.mu.Lock()
	defer d.mu.Unlock()
	slot := millis(now) / quarter
	mark, err := sweptAt(ctx, s.db)
	if err != nil {
		return false, s.fail(ctx, "read time of last sweep", err)
	}
	const jump = int64(clockJump/time.Millisecond) / quarter
	if mark.Valid && (slot > mark.V+jump || slot < mark.V-jump) {
		if pause := now.Sub(d.last); d.from.IsZero() || d.mark != mark.V || pause < 0 || pause > clockPause {
			d.from, d.mark = now, mark.V
			s.log.WarnContext(ctx, "THE CLOCK IS FAR FROM THAT OF THE LAST SWEEP: nothing is deleted until it has run steadily for a day. "+
				"If the service was stopped for so long, this is fine; otherwise set the clock.", "now", now, "last_sweep", slotStart(mark.V))
		}
		d.last = now
		if now.Sub(d.from) < clockProof {
			return false, nil
		}
	}
	d.from = time.Time{}
	if mark.Valid && mark.V == slot {
		return true, nil
	}
	return true, s.writeFor(ctx, "note the sweep", &touched{}, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tallied (what, slot) VALUES ('swept', $1)
			ON CONFLICT (what) DO UPDATE SET slot = excluded.slot`, slot)
		return err
	})
}

// sweptAt is the time of the last sweep; NULL if there was none.
func sweptAt(ctx context.Context, db getter) (slot sql.Null[int64], err error) {
	err = db.GetContext(ctx, &slot.V, `SELECT slot FROM tallied WHERE what = 'swept'`)
	if errors.Is(err, sql.ErrNoRows) {
		return slot, nil
	}
	slot.Valid = err == nil
	return slot, err
}
