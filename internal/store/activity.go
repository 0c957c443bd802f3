package store

import (
	"context"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// recentTroubles is how many of the latest failures the dashboard shows.
const recentTroubles = 10

type errcodeRow struct {
	Slot    int64 `db:"slot"` // quarter hours since 1970
	Errcode int64 `db:"errcode"`
	Count   int64 `db:"n"`
}

func (r errcodeRow) count() admin.SlotCount {
	return admin.SlotCount{At: slotStart(r.Slot), Errcode: r.Errcode, Count: r.Count}
}

func slotStart(slot int64) time.Time { return instant(slot * quarter) }

// Activity counts what has happened since a moment.
func (s *Store) Activity(ctx context.Context, since time.Time) (admin.Activity, error) {
	var activity admin.Activity
	rollups, err := s.rollups(ctx, since)
	if err != nil {
		return admin.Activity{}, s.fail(ctx, "count logins and new people", err)
	}
	for _, row := range rollups {
		if row.Logins > 0 {
			activity.Logins = append(activity.Logins, admin.SlotCount{At: slotStart(row.Slot), Count: row.Logins})
		}
		if row.NewPeople > 0 {
			activity.NewUsers = append(activity.NewUsers, admin.SlotCount{At: slotStart(row.Slot), Count: row.NewPeople})
		}
	}
	var errcodes []errcodeRow
	if err := s.db.SelectContext(ctx, &errcodes, `SELECT started_at / $2 AS slot, errcode, COUNT(*) AS n FROM logins
		WHERE (outcome = 'failed' OR errcode <> 0) AND errcode <> 0 AND started_at >= $1 GROUP BY 1, 2 ORDER BY 1, 2`,
		millis(since), quarter); err != nil {
		return admin.Activity{}, s.fail(ctx, "count errcodes", err)
	}
	activity.Errcodes = each(errcodes, errcodeRow.count)
	var troubles []loginRow
	if err := s.db.SelectContext(ctx, &troubles, `SELECT `+loginColumns+` FROM logins
		WHERE (outcome = 'failed' OR errcode <> 0) AND started_at >= $1 ORDER BY started_at DESC LIMIT $2`,
		millis(since), recentTroubles); err != nil {
		return admin.Activity{}, s.fail(ctx, "list failures", err)
	}
	activity.Troubles = each(troubles, loginRow.login)
	if err := s.readExchanges(ctx, since, &activity); err != nil {
		return admin.Activity{}, s.fail(ctx, "read the last exchanges", err)
	}
	activity.EndingTokens, err = s.lists.EndingTokens(ctx)
	return activity, s.fail(ctx, "count tokens", err)
}

// readExchanges finds the last good and the last failed answer of WeChat. A desktop that
// was let in by a phone did not ask WeChat.
func (s *Store) readExchanges(ctx context.Context, since time.Time, activity *admin.Activity) error {
	var good []int64
	err := s.db.SelectContext(ctx, &good, `SELECT started_at FROM logins
		WHERE started_at >= $1 AND outcome IN ('signed_in', 'unknown') AND scope <> $2 ORDER BY started_at DESC LIMIT 1`, millis(since), auth.ScopeScan)
	if err != nil {
		return err
	}
	for _, at := range good {
		activity.LastGood = instant(at)
	}
	var bad []loginRow
	err = s.db.SelectContext(ctx, &bad, `SELECT `+loginColumns+` FROM logins
		WHERE (outcome = 'failed' OR errcode <> 0) AND started_at >= $1 AND (errcode <> 0 OR reason IN ($2, $3, $4, $5))
		ORDER BY started_at DESC LIMIT 1`,
		millis(since), auth.WeChatFailed, auth.WeChatTimeout, auth.WeChatBusy, auth.WeChatRefused)
	if err != nil {
		return err
	}
	for _, row := range bad {
		activity.LastError = row.login()
	}
	return nil
}
