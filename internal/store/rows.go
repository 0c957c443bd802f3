package store

import (
	"database/sql"
	"encoding/json"
	"time"

	"wxlogin/internal/auth"
)

// Rows as the database has them: times in unix milliseconds, NULL for what the domain
// leaves empty, lists as JSON.

func millis(t time.Time) int64 { return t.UnixMilli() }

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// maybeMillis is NULL for the zero time.
func maybeMillis(t time.Time) sql.Null[int64] {
	return sql.Null[int64]{V: t.UnixMilli(), Valid: !t.IsZero()}
}

func maybeInstant(ms sql.Null[int64]) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return instant(ms.V)
}

// maybeText is NULL for the empty text.
func maybeText(s string) sql.Null[string] {
	return sql.Null[string]{V: s, Valid: s != ""}
}

// texts parses a JSON list. A list that somebody has damaged by hand is empty.
func texts(list string) (items []string) {
	if list != "[]" {
		_ = json.Unmarshal([]byte(list), &items)
	}
	return items
}

func jsonList(items []string) string {
	list, err := json.Marshal(append([]string{}, items...))
	if err != nil {
		panic(err) // never for texts
	}
	return string(list)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

const sessionColumns = `sessions.id, sessions.token_hash, sessions.kind, sessions.user_id, sessions.created_at,
	sessions.last_seen_at, sessions.ends_at, sessions.remote_addr, sessions.user_agent, sessions.scope, sessions.identity_id`

type sessionRow struct {
	ID         string           `db:"id"`
	TokenHash  string           `db:"token_hash"`
	Kind       auth.SessionKind `db:"kind"`
	UserID     sql.Null[string] `db:"user_id"`
	CreatedAt  int64            `db:"created_at"`
	LastSeenAt int64            `db:"last_seen_at"`
	EndsAt     int64            `db:"ends_at"`
	RemoteAddr string           `db:"remote_addr"`
	UserAgent  string           `db:"user_agent"`
	Scope      auth.Scope       `db:"scope"`
	IdentityID sql.Null[string] `db:"identity_id"`
}

func newSessionRow(s auth.Session) sessionRow {
	return sessionRow{
		ID:         s.ID,
		TokenHash:  s.TokenHash,
		Kind:       s.Kind,
		UserID:     maybeText(s.UserID),
		CreatedAt:  millis(s.CreatedAt),
		LastSeenAt: millis(s.LastSeenAt),
		EndsAt:     millis(s.EndsAt),
		RemoteAddr: s.Device.RemoteAddr,
		UserAgent:  s.Device.UserAgent,
		Scope:      s.Scope,
		IdentityID: maybeText(s.IdentityID),
	}
}

func (r sessionRow) session() auth.Session {
	return auth.Session{
		ID:         r.ID,
		TokenHash:  r.TokenHash,
		Kind:       r.Kind,
		UserID:     r.UserID.V,
		IdentityID: r.IdentityID.V,
		Scope:      r.Scope,
		CreatedAt:  instant(r.CreatedAt),
		LastSeenAt: instant(r.LastSeenAt),
		EndsAt:     instant(r.EndsAt),
		Device:     auth.Device{RemoteAddr: r.RemoteAddr, UserAgent: r.UserAgent},
	}
}

// The hashes of a login's state and code are looked up, and never read.
const loginColumns = `id, appid, session_hash, scope, outcome, reason, user_id,
	started_at, finished_at, remote_addr, user_agent, errcode, step, request_id, identity_id`

type loginRow struct {
	ID          string           `db:"id"`
	AppID       string           `db:"appid"`
	SessionHash string           `db:"session_hash"`
	Scope       auth.Scope       `db:"scope"`
	Outcome     auth.Outcome     `db:"outcome"`
	Reason      auth.Reason      `db:"reason"`
	UserID      sql.Null[string] `db:"user_id"`
	StartedAt   int64            `db:"started_at"`
	FinishedAt  sql.Null[int64]  `db:"finished_at"`
	RemoteAddr  string           `db:"remote_addr"`
	UserAgent   string           `db:"user_agent"`
	Errcode     int64            `db:"errcode"`
	Step        auth.Step        `db:"step"`
	RequestID   string           `db:"request_id"`
	IdentityID  sql.Null[string] `db:"identity_id"`
}

func (r loginRow) login() auth.Login {
	return auth.Login{
		ID:          r.ID,
		AppID:       r.AppID,
		SessionHash: r.SessionHash,
		Scope:       r.Scope,
		Outcome:     r.Outcome,
		Reason:      r.Reason,
		Errcode:     r.Errcode,
		Step:        r.Step,
		UserID:      r.UserID.V,
		IdentityID:  r.IdentityID.V,
		StartedAt:   instant(r.StartedAt),
		FinishedAt:  maybeInstant(r.FinishedAt),
		RequestID:   r.RequestID,
		Device:      auth.Device{RemoteAddr: r.RemoteAddr, UserAgent: r.UserAgent},
	}
}

// each converts rows.
func each[Row, T any](rows []Row, meaning func(Row) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = meaning(row)
	}
	return out
}
