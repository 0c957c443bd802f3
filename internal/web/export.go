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

// fileKind is a format of exports.
type fileKind struct {
	extension string
	mediaType string
	mark      string // byte order mark
}

var (
	// Without a byte order mark, Excel does not recognize UTF-8.
	csvFile  = fileKind{".csv", "text/csv; charset=utf-8", "\uFEFF"}
	jsonFile = fileKind{".json", "application/json; charset=utf-8", ""}
)

// unknownTotal is the total of a download that was not counted.
const unknownTotal = -1

// download streams a file. rows is as in stream.
func (s *Server) download(w http.ResponseWriter, r *http.Request, name string, kind fileKind, total int64, rows func(out io.Writer, row func()) error) error {
	h := w.Header()
	h.Set("Content-Type", kind.mediaType)
	h.Set("Content-Disposition", `attachment; filename="`+name+"-"+s.now().In(s.config.Zone).Format("20060102-150405")+kind.extension+`"`)
	if total >= 0 {
		// For programs that show their progress: the length in bytes is unknown.
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

// exportUsers reads the query, counts the people, and records the export in the audit log
// before any data is sent.
//
// An export is in the order of the first login, which never changes: in the order of the
// last login, a person who logs in during the export could move past the cursor and be
// missing. A filter with the order of the token's end is as safe: a person whose token
// changes no longer matches it, or moves to its end.
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

// eachPerson calls visit for all matching people. Which accounts they follow is read in
// batches.
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

// apiUsersCSV streams all matching people.
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
