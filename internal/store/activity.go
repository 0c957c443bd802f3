package store

import (
	"context"
	"time"

	"wxlogin/internal/auth"
)

// recentTroubles is how many of the latest failures the dashboard shows.
const recentTroubles = 10

type tallyRow struct {
	Slot    int64 `db:"slot"` // quarter hours since 1970
	Errcode int64 `db:"errcode"`
	Count   int64 `db:"n"`
}

func (r tallyRow) tally() auth.Tally {
	return auth.Tally{At: instant(r.Slot * auth.QuarterHour.Milliseconds()), Errcode: r.Errcode, Count: r.Count}
}

// Activity counts what went on since a moment. Each count reads a stretch of one
// index and no table.
func (s *Store) Activity(ctx context.Context, since time.Time) (auth.Activity, error) {
	tally := func(query string) ([]auth.Tally, error) {
		var rows []tallyRow
		err := s.reader.SelectContext(ctx, &rows, query, millis(since), auth.QuarterHour.Milliseconds())
		return each(rows, tallyRow.tally), err
	}
	activity, err := auth.Activity{}, error(nil)
	if activity.Logins, err = tally(`SELECT started_at / $2 AS slot, COUNT(*) AS n FROM logins
		WHERE started_at >= $1 AND outcome = 'signed_in' GROUP BY 1 ORDER BY 1`); err != nil {
		return auth.Activity{}, s.fail(ctx, "count logins", err)
	}
	if activity.NewUsers, err = tally(`SELECT first_login_at / $2 AS slot, COUNT(*) AS n FROM users
		WHERE first_login_at >= $1 GROUP BY 1 ORDER BY 1`); err != nil {
		return auth.Activity{}, s.fail(ctx, "count new users", err)
	}
	if activity.Errcodes, err = tally(`SELECT started_at / $2 AS slot, errcode, COUNT(*) AS n FROM logins
		WHERE (outcome = 'failed' OR errcode <> 0) AND errcode <> 0 AND started_at >= $1 GROUP BY 1, 2 ORDER BY 1, 2`); err != nil {
		return auth.Activity{}, s.fail(ctx, "count errcodes", err)
	}
	var troubles []loginRow
	if err := s.reader.SelectContext(ctx, &troubles, `SELECT `+loginColumns+` FROM logins
		WHERE (outcome = 'failed' OR errcode <> 0) AND started_at >= $1 ORDER BY started_at DESC LIMIT $2`,
		millis(since), recentTroubles); err != nil {
		return auth.Activity{}, s.fail(ctx, "list failures", err)
	}
	activity.Troubles = each(troubles, loginRow.login)
	if err := s.readExchanges(ctx, since, &activity); err != nil {
		return auth.Activity{}, s.fail(ctx, "read the last exchanges", err)
	}
	now := s.now()
	err = s.reader.GetContext(ctx, &activity.EndingTokens, `SELECT COUNT(*) FROM tokens
		WHERE dead_reason IS NULL AND ends_at > $1 AND ends_at <= $2`, millis(now), millis(now.Add(auth.TokenEndsSoon)))
	if err != nil {
		return auth.Activity{}, s.fail(ctx, "count tokens", err)
	}
	return activity, nil
}

// readExchanges finds when WeChat last answered well, and when not. A desktop
// that a phone let in asked WeChat nothing.
func (s *Store) readExchanges(ctx context.Context, since time.Time, activity *auth.Activity) error {
	var good []int64
	err := s.reader.SelectContext(ctx, &good, `SELECT started_at FROM logins
		WHERE started_at >= $1 AND outcome IN ('signed_in', 'unknown') AND scope <> $2 ORDER BY started_at DESC LIMIT 1`, millis(since), auth.ScopeScan)
	if err != nil {
		return err
	}
	for _, at := range good {
		activity.LastGood = instant(at)
	}
	var bad []loginRow
	err = s.reader.SelectContext(ctx, &bad, `SELECT `+loginColumns+` FROM logins
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
