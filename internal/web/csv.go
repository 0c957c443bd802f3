package web

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// csvColumns are the names of userJSON, in its order.
var csvColumns = []string{
	"id", "appid", "openid", "unionid", "nickname", "sex", "language", "country", "province", "city",
	"avatar_url", "privilege", "scope", "blocked", "first_login_at", "last_login_at", "profile_updated_at", "login_count",
}

// userRow is a person as a line of CSV.
func (s *Server) userRow(u auth.User) []string {
	j := s.userJSON(u)
	unionID, updated := u.UnionID, ""
	if j.ProfileUpdatedAt != nil {
		updated = s.csvTime(*j.ProfileUpdatedAt)
	}
	return csvRow(
		j.ID, j.AppID, j.OpenID, unionID, j.Nickname, strconv.Itoa(j.Sex), j.Language, j.Country, j.Province, j.City,
		j.AvatarURL, strings.Join(j.Privilege, " "), string(j.Scope), strconv.FormatBool(j.Blocked),
		s.csvTime(j.FirstLoginAt), s.csvTime(j.LastLoginAt), updated, strconv.FormatInt(j.LoginCount, 10),
	)
}

// csvTime is a time as the pages have it, in the form that spreadsheets take for a
// date: one with a zone in it is a text to them.
func (s *Server) csvTime(t time.Time) string { return t.In(s.config.Zone).Format(time.DateTime) }

// csvRow makes cells safe.
func csvRow(cells ...string) []string {
	for i := range cells {
		cells[i] = csvCell(cells[i])
	}
	return cells
}

// csvCell keeps a spreadsheet from running a cell: what begins like a formula,
// in ASCII or full width, gets an apostrophe before it.
func csvCell(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) && s != "" {
		return "'" + s
	}
	return s
}
