package web

import (
	"encoding/csv"
	"net/http"
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

// apiUsersCSV streams all people that match. It begins with a byte order mark,
// without which Excel takes UTF-8 for something else.
func (s *Server) apiUsersCSV(w http.ResponseWriter, r *http.Request) error {
	query, err := userQuery(r)
	if err != nil {
		return err
	}
	// Asked before the first byte, so that a query that makes no sense is an error
	// and not a short file.
	total, err := s.people.CountUsers(r.Context(), query)
	if err != nil {
		return err
	}
	// Who took a copy is written down before they have it.
	if err := s.desk.Exported(r.Context(), auth.Actor(administratorOf(r)), "", strconv.FormatInt(total, 10)+" people as CSV"); err != nil {
		return err
	}
	// A long list takes longer than any other answer; each page of it may take
	// what a whole one usually does.
	deadline := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="wxlogin-users-`+s.now().In(s.config.Zone).Format("20060102-150405")+`.csv"`)
	w.Write([]byte("\uFEFF"))
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	out.Write(csvColumns)
	rows := 0
	err = s.people.EachUser(r.Context(), query, func(user auth.User) error {
		if rows++; rows%auth.MaxPage == 0 {
			deadline.SetWriteDeadline(time.Now().Add(time.Minute))
		}
		return out.Write(s.csvRow(user))
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		// The rest cannot be had; a broken connection says so, a file that ends
		// early would not.
		s.log.WarnContext(r.Context(), "export broken off", "request_id", requestID(r), "rows", rows, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *Server) csvRow(u auth.User) []string {
	j := s.userJSON(u)
	unionID, updated := u.UnionID, ""
	if j.ProfileUpdatedAt != nil {
		updated = j.ProfileUpdatedAt.Format(time.RFC3339)
	}
	row := []string{
		j.ID, j.AppID, j.OpenID, unionID, j.Nickname, strconv.Itoa(j.Sex), j.Language, j.Country, j.Province, j.City,
		j.AvatarURL, strings.Join(j.Privilege, " "), string(j.Scope), strconv.FormatBool(j.Blocked),
		j.FirstLoginAt.Format(time.RFC3339), j.LastLoginAt.Format(time.RFC3339), updated, strconv.FormatInt(j.LoginCount, 10),
	}
	for i := range row {
		row[i] = csvCell(row[i])
	}
	return row
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
