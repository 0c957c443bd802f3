package idtoken

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// Rotate makes the next key of each algorithm in use a day before it signs, retires the
// keys that no longer sign, and drops those whose tokens nobody needs to verify any more.
func (k *Keys) Rotate(ctx context.Context) error {
	if err := k.store.ResealSigningKeys(ctx); err != nil {
		return err
	}
	keys, err := k.read(ctx, func([]*key) bool { return false })
	if err != nil {
		return err
	}
	now := k.now()
	for _, alg := range []auth.Alg{auth.RS256, auth.ES256} {
		var last *key
		for _, key := range keys {
			if key.Alg != alg {
				continue
			}
			if last != nil && now.Sub(key.SignsAt) >= publishAhead { // its successor has signed for that long
				if err := k.retire(ctx, last, now.Sub(key.SignsAt)); err != nil {
					return err
				}
			}
			last = key
		}
		if last == nil {
			continue
		}
		if due := last.SignsAt.Add(RotateEvery); !now.Before(due.Add(-publishAhead)) {
			signsAt := due
			if earliest := now.Add(publishAhead); signsAt.Before(earliest) {
				signsAt = earliest
			}
			if err := k.add(ctx, alg, keys, signsAt); err != nil {
				return err
			}
		}
	}
	return nil
}

// retire ends a key whose successor has signed for the time since.
func (k *Keys) retire(ctx context.Context, key *key, since time.Duration) error {
	switch {
	case since >= keepPublic:
		return k.store.DropSigningKey(ctx, key.ID)
	case !key.Retired:
		return k.store.RetireSigningKey(ctx, key.ID)
	}
	return nil
}
