package web

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"wxlogin/internal/admin"
)

// adminEventsPage is the audit log.
type adminEventsPage struct {
	Events   []admin.NamedEvent
	Query    admin.EventQuery
	Actions  []admin.Action
	From, To string // days, as the form has them
	Filtered bool
	NextURL  string // empty on the last page
	PrevURL  string // empty on the first
	CSVURL   string // of all that match
	JSONURL  string
}

func (adminEventsPage) file() string { return "admin_events" }

// eventQuery reads what of the audit log is asked for. Days are those of the
// server's zone, and the last one is within.
func (s *Server) eventQuery(r *http.Request) (admin.EventQuery, error) {
	form, err := wholeQuery(r)
	if err != nil {
		return admin.EventQuery{}, err
	}
	query := admin.EventQuery{Action: admin.Action(form.Get("action")), Who: form.Get("who"), Cursor: form.Get("cursor")}
	for name, at := range map[string]*time.Time{"from": &query.From, "to": &query.To} {
		if form.Get(name) == "" {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, form.Get(name), s.config.Zone)
		if err != nil {
			return query, refuseParameter(name, "YYYY-MM-DD")
		}
		*at = day
	}
	if !query.To.IsZero() {
		query.To = query.To.AddDate(0, 0, 1)
	}
	return query, checkSearch("who", query.Who)
}

// adminEvents is the audit log.
func (s *Server) adminEvents(w http.ResponseWriter, r *http.Request) error {
	query, err := s.eventQuery(r)
	if err != nil {
		return err
	}
	list, err := s.auditLog.Events(r.Context(), query)
	if err != nil {
		return ofCursor(err)
	}
	form := url.Values{}
	for _, name := range []string{"action", "who", "from", "to"} {
		if value := r.URL.Query().Get(name); value != "" {
			form.Set(name, value)
		}
	}
	pageURL := func(cursor string) string {
		if cursor == "" {
			return ""
		}
		return with(s.address("/admin/events", form), "cursor", cursor)
	}
	return s.page(w, r, adminEventsPage{
		Events:   list.Events,
		Query:    query,
		Actions:  admin.Actions,
		From:     form.Get("from"),
		To:       form.Get("to"),
		Filtered: len(form) > 0 || query.Cursor != "",
		NextURL:  pageURL(list.Next),
		PrevURL:  pageURL(list.Prev),
		CSVURL:   s.address("/api/admin/events.csv", form),
		JSONURL:  s.address("/api/admin/events.json", form),
	})
}

// namedEventJSON is an entry of the audit log with everything about it.
type namedEventJSON struct {
	ID          string       `json:"id"`
	At          time.Time    `json:"at"`
	Actor       string       `json:"actor"`
	ActorName   string       `json:"actor_name"`
	Action      admin.Action `json:"action"`
	Subject     string       `json:"subject"`
	SubjectName string       `json:"subject_name"`
	Detail      string       `json:"detail"`
}

func namedEvent(e admin.NamedEvent) namedEventJSON {
	return namedEventJSON{e.ID, inSeconds(e.At), e.Actor, e.ActorName, e.Action, e.Subject, e.SubjectName, e.Detail}
}

// apiEventsCSV streams all of the audit log that matches.
func (s *Server) apiEventsCSV(w http.ResponseWriter, r *http.Request) error {
	query, err := s.exportEvents(r, "events as CSV")
	if err != nil {
		return err
	}
	return s.download(w, r, "wxlogin-events", csvFile, unknownTotal, func(out io.Writer, row func()) error {
		file := csv.NewWriter(out)
		file.UseCRLF = true // RFC 4180
		file.Write([]string{"id", "at", "actor", "actor_name", "action", "subject", "subject_name", "detail"})
		err := s.auditLog.EachEvent(r.Context(), query, func(event admin.NamedEvent) error {
			row()
			e := namedEvent(event)
			return file.Write(csvRow(e.ID, s.csvTime(e.At), e.Actor, e.ActorName, string(e.Action), e.Subject, e.SubjectName, e.Detail))
		})
		file.Flush()
		return firstError(err, file.Error())
	})
}

// apiEventsJSON streams the same as JSON.
func (s *Server) apiEventsJSON(w http.ResponseWriter, r *http.Request) error {
	query, err := s.exportEvents(r, "events as JSON")
	if err != nil {
		return err
	}
	return s.download(w, r, "wxlogin-events", jsonFile, unknownTotal, func(out io.Writer, row func()) error {
		list := newJSONList(out, "events")
		err := s.auditLog.EachEvent(r.Context(), query, func(event admin.NamedEvent) error {
			row()
			return list.add(namedEvent(event))
		})
		return firstError(err, list.end())
	})
}

// exportEvents reads the query, finds out that it makes sense before the first
// byte goes out, and writes down who takes a copy.
func (s *Server) exportEvents(r *http.Request, what string) (admin.EventQuery, error) {
	query, err := s.eventQuery(r)
	if err != nil {
		return query, err
	}
	query.Cursor, query.Limit = "", 1
	if _, err := s.auditLog.Events(r.Context(), query); err != nil {
		return query, err
	}
	return query, s.admins.RecordExport(r.Context(), adminOf(r), "", what)
}

// jsonList writes {"name":[…]} item by item.
type jsonList struct {
	out io.Writer
	sep string
	err error
}

func newJSONList(out io.Writer, name string) *jsonList {
	_, err := io.WriteString(out, `{"`+name+`":[`)
	return &jsonList{out: out, sep: "\n", err: err}
}

func (l *jsonList) add(item any) error {
	body, err := json.Marshal(item)
	if err != nil {
		return err
	}
	if l.err == nil {
		_, l.err = io.WriteString(l.out, l.sep+string(body))
	}
	l.sep = ",\n"
	return l.err
}

func (l *jsonList) end() error {
	if l.err == nil {
		_, l.err = io.WriteString(l.out, "\n]}\n")
	}
	return l.err
}
