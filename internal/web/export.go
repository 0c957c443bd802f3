package web

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// fileKind is a form that an export can have.
type fileKind struct {
	extension string
	mediaType string
	mark      string // before everything else
}

var (
	// Without a byte order mark, Excel takes UTF-8 for something else.
	csvFile  = fileKind{".csv", "text/csv; charset=utf-8", "\uFEFF"}
	jsonFile = fileKind{".json", "application/json; charset=utf-8", ""}
)

// unknownTotal is for a download that nobody has counted before.
const unknownTotal = -1

// download streams a file; rows is as with stream.
func (s *Server) download(w http.ResponseWriter, r *http.Request, name string, kind fileKind, total int64, rows func(out io.Writer, row func()) error) error {
	h := w.Header()
	h.Set("Content-Type", kind.mediaType)
	h.Set("Content-Disposition", `attachment; filename="`+name+"-"+s.now().In(s.config.Zone).Format("20060102-150405")+kind.extension+`"`)
	if total >= 0 {
		// For programs that show how far they are; a length in bytes nobody knows.
		h.Set("X-Total-Count", strconv.FormatInt(total, 10))
	}
	return s.stream(w, r, admin.MaxPage, func(out io.Writer, row func()) error {
		io.WriteString(out, kind.mark)
		return rows(out, row)
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// exportUsers reads what people are asked for, counts them, and writes down who
// takes a copy before they have it.
//
// An export goes by the time of the first login, which never changes: in the
// order of the last one, whoever logs in while the file is made would jump over
// the place that it has come to, and be missing. A filter that goes by the token's
// end is as safe: whose token changes has left it, or comes at its end.
func (s *Server) exportUsers(r *http.Request, form string) (query admin.UserQuery, total int64, err error) {
	if query, err = s.userQuery(r); err != nil {
		return query, 0, err
	}
	query.ByFirst = true
	if err = s.checkApart(query); err != nil {
		return query, 0, err
	}
	if total, err = s.lists.CountUsers(r.Context(), query); err != nil {
		return query, 0, err
	}
	return query, total, s.admins.RecordExport(r.Context(), adminOf(r), "", strconv.FormatInt(total, 10)+" people as "+form)
}

// eachPerson calls visit for all people that match. Whom they follow is read of many at
// once.
func (s *Server) eachPerson(ctx context.Context, query admin.UserQuery, visit func(userJSON) error) error {
	var users []auth.User
	visitAll := func() error {
		people, err := s.peopleJSON(ctx, users)
		for i := 0; err == nil && i < len(people); i++ {
			err = visit(people[i])
		}
		users = users[:0]
		return err
	}
	err := s.lists.EachUser(ctx, query, func(user auth.User) error {
		if users = append(users, user); len(users) < admin.MaxPage {
			return nil
		}
		return visitAll()
	})
	if err != nil {
		return err
	}
	return visitAll()
}

// apiUsersCSV streams all people that match.
func (s *Server) apiUsersCSV(w http.ResponseWriter, r *http.Request) error {
	query, total, err := s.exportUsers(r, "CSV")
	if err != nil {
		return err
	}
	return s.download(w, r, "wxlogin-users", csvFile, total, func(out io.Writer, row func()) error {
		file := csv.NewWriter(out)
		file.UseCRLF = true // RFC 4180
		file.Write(csvColumns)
		err := s.eachPerson(r.Context(), query, func(person userJSON) error {
			row()
			return file.Write(s.csvRecord(person))
		})
		file.Flush()
		return firstError(err, file.Error())
	})
}

// apiUsersJSON streams the same as JSON.
func (s *Server) apiUsersJSON(w http.ResponseWriter, r *http.Request) error {
	query, total, err := s.exportUsers(r, "JSON")
	if err != nil {
		return err
	}
	return s.download(w, r, "wxlogin-users", jsonFile, total, func(out io.Writer, row func()) error {
		list := newJSONList(out, "users")
		err := s.eachPerson(r.Context(), query, func(person userJSON) error {
			row()
			return list.add(person)
		})
		return firstError(err, list.end())
	})
}
