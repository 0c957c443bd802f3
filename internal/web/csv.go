package web

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// csvColumns are the names of userJSON, in its order.
var csvColumns = []string{
	"id", "appid", "openid", "unionid", "nickname", "sex", "language", "country", "province", "city",
	"avatar_url", "privilege", "scope", "blocked", "first_login_at", "last_login_at", "profile_updated_at", "login_count", "account", "identities", "subscribed",
}

// csvRecord returns a person as a line of CSV.
func (s *Server) csvRecord(j userJSON) []string {
	updated := ""
	if j.ProfileUpdatedAt != nil {
		updated = s.csvTime(*j.ProfileUpdatedAt)
	}
	var identities []string // account:openid:unionid, and :subscribed if that is known
	for _, i := range j.Identities {
		parts := []string{i.Account, i.OpenID, orEmpty(i.UnionID)}
		if known := csvAnswer(i.Subscribed); known != "" {
			parts = append(parts, known)
		}
		identities = append(identities, strings.Join(parts, ":"))
	}
	return csvRow(
		j.ID, j.AppID, j.OpenID, orEmpty(j.UnionID), j.Nickname, strconv.Itoa(j.Sex), j.Language, j.Country, j.Province, j.City,
		j.AvatarURL, strings.Join(j.Privilege, " "), string(j.Scope), strconv.FormatBool(j.Blocked),
		s.csvTime(j.FirstLoginAt), s.csvTime(j.LastLoginAt), updated, strconv.FormatInt(j.LoginCount, 10),
		j.Account, strings.Join(identities, " "), csvAnswer(j.Subscribed),
	)
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// csvAnswer returns true, false, or an empty text if the answer is unknown.
func csvAnswer(answer **bool) string {
	if answer == nil || *answer == nil {
		return ""
	}
	return strconv.FormatBool(**answer)
}

// csvTime returns a time in the zone of the pages, in a form that spreadsheets recognize as a
// date. They take a time with a zone for text.
func (s *Server) csvTime(t time.Time) string { return t.In(s.config.Zone).Format(time.DateTime) }

// csvRow applies csvCell to the cells.
func csvRow(cells ...string) []string {
	for i := range cells {
		cells[i] = csvCell(cells[i])
	}
	return cells
}

// csvFormula are the characters that begin a formula, in ASCII and full width.
const csvFormula = "=+-@＝＋－＠"

// csvCell keeps a spreadsheet from running a cell: a cell that begins like a formula gets an
// apostrophe before it. A spreadsheet that expects another separator than the comma splits
// our cells and ignores our quotes there, so whatever follows a separator of any kind, a
// space or a quote counts as the beginning of a cell.
func csvCell(s string) string {
	var cell strings.Builder
	begins := true
	for i, r := range s {
		if begins && strings.ContainsRune(csvFormula, r) || i == 0 && strings.ContainsRune("\t\r\n", r) {
			cell.WriteByte('\'')
		}
		cell.WriteRune(r)
		begins = strings.ContainsRune(`,;|:"，；｜：`, r) || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	return cell.String()
}
