package list

import (
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// UserColumns are the columns of UserRow.
const UserColumns = `users.id, users.appid, users.openid, users.unionid, users.nickname, users.sex, users.language,
	users.country, users.province, users.city, users.avatar_url, users.privilege, users.scope, users.blocked,
	users.first_login_at, users.last_login_at, users.profile_updated_at, users.login_count,
	users.consent_version, users.consent_at, users.group_names`

// UserRow is a row of users: times in unix milliseconds, NULL for what the domain
// leaves empty.
type UserRow struct {
	ID               string           `db:"id"`
	AppID            string           `db:"appid"`
	OpenID           string           `db:"openid"`
	UnionID          sql.Null[string] `db:"unionid"`
	Nickname         string           `db:"nickname"`
	Sex              int              `db:"sex"`
	Language         string           `db:"language"`
	Country          string           `db:"country"`
	Province         string           `db:"province"`
	City             string           `db:"city"`
	AvatarURL        string           `db:"avatar_url"`
	Privilege        string           `db:"privilege"`
	Scope            auth.Scope       `db:"scope"`
	Blocked          int              `db:"blocked"`
	FirstLoginAt     int64            `db:"first_login_at"`
	LastLoginAt      int64            `db:"last_login_at"`
	ProfileUpdatedAt sql.Null[int64]  `db:"profile_updated_at"`
	LoginCount       int64            `db:"login_count"`
	ConsentVersion   string           `db:"consent_version"`
	ConsentAt        sql.Null[int64]  `db:"consent_at"`
	Groups           string           `db:"group_names"`
	IdentityID       string           `db:"identity_id"` // not among UserColumns: '' is the first one
}

// ByIdentity returns the columns of a person as seen by the joined row of identities, or
// by their first identity where there is none. as names a column of the result.
func ByIdentity(as func(column string) string) string {
	var columns []string
	for column := range strings.SplitSeq(UserColumns, ",") {
		column = strings.TrimSpace(column)
		value := column
		switch name := strings.TrimPrefix(column, "users."); name {
		case "appid", "openid", "scope":
			value = "COALESCE(identities." + name + ", " + column + ")"
		case "unionid":
			value = "CASE WHEN identities.id IS NULL THEN users.unionid ELSE identities.unionid END"
		}
		columns = append(columns, value+" AS "+as(column))
	}
	return strings.Join(append(columns, "COALESCE(identities.id, '') AS "+as("users.identity_id")), ", ")
}

// User is the person of the row.
func (r UserRow) User() auth.User {
	u := auth.User{
		ID:         r.ID,
		AppID:      r.AppID,
		OpenID:     r.OpenID,
		UnionID:    r.UnionID.V,
		IdentityID: r.IdentityID,
		Profile: auth.Profile{
			Nickname:  r.Nickname,
			Sex:       r.Sex,
			Language:  r.Language,
			Country:   r.Country,
			Province:  r.Province,
			City:      r.City,
			AvatarURL: r.AvatarURL,
			Privilege: []string{},
		},
		Scope:            r.Scope,
		Blocked:          r.Blocked != 0,
		FirstLoginAt:     instant(r.FirstLoginAt),
		LastLoginAt:      instant(r.LastLoginAt),
		ProfileUpdatedAt: maybeInstant(r.ProfileUpdatedAt),
		LoginCount:       r.LoginCount,
		ConsentVersion:   r.ConsentVersion,
		ConsentAt:        maybeInstant(r.ConsentAt),
	}
	if r.Privilege != "[]" {
		// A list that somebody has damaged by hand is no reason to fail a visit.
		_ = json.Unmarshal([]byte(r.Privilege), &u.Privilege)
	}
	if r.Groups != "[]" {
		// Likewise: without groups, the person may enter less, not more.
		_ = json.Unmarshal([]byte(r.Groups), &u.Groups)
	}
	return u
}

// EventRow is a row of events.
type EventRow struct {
	ID      string       `db:"id"`
	At      int64        `db:"at"`
	Actor   string       `db:"actor"`
	Action  admin.Action `db:"action"`
	Subject string       `db:"subject"`
	Detail  string       `db:"detail"`
}

// Event is the event of the row.
func (r EventRow) Event() admin.Event {
	return admin.Event{ID: r.ID, At: instant(r.At), Actor: r.Actor, Action: r.Action, Subject: r.Subject, Detail: r.Detail}
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func maybeInstant(ms sql.Null[int64]) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return instant(ms.V)
}

// each converts rows.
func each[Row, T any](rows []Row, meaning func(Row) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = meaning(row)
	}
	return out
}
