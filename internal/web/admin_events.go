package web

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"wxlogin/internal/admin"
)

// adminEventsPage is the audit log.
type adminEventsPage struct {
	Events   []admin.NamedEvent
	Query    admin.EventQuery
	Form     url.Values // the parameters, as they were written
	Actions  []admin.Action
	Sizes    []pageSize
	Request  *requestFound // the request, if the search is a request's id
	Crowd    bool          // too many people have the name to search their entries
	Filtered bool
	Here     string // this page, to come back to
	NextURL  string // empty on the last page
	PrevURL  string // empty on the first
	CSVURL   string // of all matching entries
	JSONURL  string
}

func (adminEventsPage) file() string { return "admin_events" }

// listedEvent is an entry as a page has it.
type listedEvent struct {
	admin.NamedEvent
	Back string // the list that a person's page, opened from here, leads back to
}

func listedEvents(events []admin.NamedEvent, back string) (listed []listedEvent) {
	for _, e := range events {
		listed = append(listed, listedEvent{e, back})
	}
	return listed
}

// Listed returns the entries of the page.
func (p adminEventsPage) Listed() []listedEvent { return listedEvents(p.Events, p.Here) }

// What the audit log says about exports.
var (
	exportedPeople = regexp.MustCompile(`^(\d+) people as (CSV|JSON)$`)
	exportedEvents = regexp.MustCompile(`^events as (CSV|JSON)$`)
)

const exportedPerson = "all that is stored"

// detail translates the detail of an audit log entry into the page's language. What people
// have written stays as it is.
func (w words) detail(e admin.NamedEvent) (string, error) {
	if e.Action != admin.ActExport {
		return e.Detail, nil
	}
	if found := exportedPeople.FindStringSubmatch(e.Detail); found != nil {
		return w.text("detail.people", found[1], found[2])
	}
	if found := exportedEvents.FindStringSubmatch(e.Detail); found != nil {
		return w.text("detail.events", found[1])
	}
	if e.Detail == exportedPerson {
		return w.text("detail.person")
	}
	return e.Detail, nil
}

// eventQuery reads a query of the audit log. Days are in the server's time zone, and the last
// one is included.
func (s *Server) eventQuery(r *http.Request) (admin.EventQuery, error) {
	form, err := wholeQuery(r)
	if err != nil {
		return admin.EventQuery{}, err
	}
	query := admin.EventQuery{Action: admin.Action(form.Get("action")), Who: form.Get("who"), Cursor: form.Get("cursor")}
	span, err := s.days(form, "from", "to")
	if err != nil {
		return query, err
	}
	query.From, query.To = span.From, span.To
	if query.Limit, err = limitOf(form); err != nil {
		return query, err
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
	crowd := errors.Is(err, admin.ErrTooMany)
	if err != nil && !crowd {
		return ofCursor(err)
	}
	form := carryOver(r.URL.Query(), "action", "who", "from", "to", "limit")
	exported := carryOver(form, "action", "who", "from", "to")
	address := s.address("/admin/events", form)
	p := adminEventsPage{
		Events:   list.Events,
		Query:    query,
		Form:     form,
		Actions:  admin.Actions,
		Sizes:    pageSizes(address, query.Limit),
		Crowd:    crowd,
		Filtered: len(exported) > 0 || query.Cursor != "",
		CSVURL:   s.address("/api/admin/events.csv", exported),
		JSONURL:  s.address("/api/admin/events.json", exported),
		Here:     withCursor(address, query.Cursor),
	}
	if p.Request, err = s.findRequest(r, query.Who); err != nil {
		return err
	}
	p.NextURL, p.PrevURL = pageOf(address, "cursor", list.Next), pageOf(address, "cursor", list.Prev)
	return s.page(w, r, p)
}

// namedEventJSON is an entry of the audit log with all its fields.
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

// apiEventsCSV streams all matching entries of the audit log.
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

// exportEvents reads the query, checks it before the first byte is sent, and records the
// export in the audit log.
func (s *Server) exportEvents(r *http.Request, what string) (admin.EventQuery, error) {
	query, err := s.eventQuery(r)
	if err != nil {
		return query, err
	}
	query.Cursor, query.Limit = "", 1
	if _, err := s.auditLog.Events(r.Context(), query); errors.Is(err, admin.ErrTooMany) {
		return query, refuseParameter("who", "≤ 20")
	} else if err != nil {
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
