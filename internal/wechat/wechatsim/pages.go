package wechatsim

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages
var files embed.FS

// templates is parsed at the start, so that a broken page stops the first test and not a
// visitor.
var templates = template.Must(template.ParseFS(files, "pages/*.html"))

// pagePolicy lets a page load only its own stylesheet and pictures. It has no form-action:
// browsers apply that to redirects after a form as well, and 允许 leads to another site.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// The data of each page, one type a page.
type (
	ownerPage struct {
		People []shownPerson
		phonePage
		Query string // of the authorize link, "" from the control page
	}
	consentPage struct {
		Account string
		Person  shownPerson
		Query   template.URL // of the authorize link, escaped as it came
	}
	refusedPage struct {
		Number              int
		Sentence, Parameter string
		Hint                string
	}
	scanPage struct {
		Account, UUID              string
		Target, Again              string // the callback, and a new QR code
		Framed                     bool
		Waiting, Confirmed, Denied bool // none of these, and nobody has scanned it: expired
		Scanned                    *shownPerson
		People                     []shownPerson
	}
	confirmPage struct {
		Account, UUID string
		Person        shownPerson
		Done          bool
	}
	closedPage struct{ Link template.URL }
	doublePage struct{ First string }
	triedPage  struct {
		Code, State, Base string
		AppID, Secret     string
	}
)

// shownPerson is a person as shown on a page.
type shownPerson struct {
	Key, Name, Place, OpenID string
	Snapshot                 bool
}

func shown(p Person) shownPerson {
	var places []string
	for _, part := range []string{p.Country, p.Province, p.City} {
		if part != "" {
			places = append(places, part)
		}
	}
	return shownPerson{Key: p.Key, Name: p.Shown(), Place: strings.Join(places, " "), OpenID: p.OpenID, Snapshot: p.Snapshot}
}

// mostShown is how many people a page lists; a load test may have made thousands.
const mostShown = 60

func (s *Simulator) shownPeople() []shownPerson {
	var list []shownPerson
	for _, p := range s.People() {
		if len(list) == mostShown {
			break
		}
		list = append(list, shown(p))
	}
	return list
}

// page renders a page to memory.
func (s *Simulator) page(name string, data any) reply {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name+".html", data); err != nil {
		s.cfg.Logger.Error("wechatsim page", "page", name, "err", err)
		return reply{status: http.StatusInternalServerError, body: []byte("wechatsim: this page is broken\n"),
			header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
	}
	header := http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {pagePolicy},
		// Not no-referrer: with it browsers send "Origin: null" with forms.
		"Referrer-Policy": {"same-origin"},
		"X-Frame-Options": {"DENY"},
	}
	if refused, ok := data.(refusedPage); ok {
		header.Set("X-Wechatsim-Error", fmt.Sprint(refused.Number))
		if refused.Parameter != "" {
			header.Set("X-Wechatsim-Parameter", refused.Parameter)
		}
	}
	return reply{status: http.StatusOK, header: header, body: b.Bytes()}
}

// asset serves one of the embedded files.
func asset(path, contentType string) http.Handler {
	body, err := files.ReadFile(path)
	if err != nil {
		panic(err) // the file is part of the binary
	}
	return plain(func(*http.Request) reply {
		return reply{status: http.StatusOK, body: body, header: http.Header{
			"Content-Type": {contentType}, "Cache-Control": {"no-cache"}}}
	})
}

func (s *Simulator) pageRoutes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", plain(s.control))
	mux.Handle("GET /_sim/tried", plain(s.tried))
	mux.Handle("GET /_sim/phone", plain(s.phone))
	mux.Handle("GET /_sim/pictures/{key}", plain(s.ownPicture))
	mux.Handle("GET /_sim/sim.css", asset("pages/sim.css", "text/css; charset=utf-8"))
	mux.Handle("GET /_sim/icon.svg", asset("pages/icon.svg", "image/svg+xml"))

	mux.Handle("POST /_sim/form/phone", plain(s.formPhone))
	mux.Handle("POST /_sim/form/browser", plain(s.formBrowser))
	mux.Handle("POST /_sim/form/forget", plain(s.formForget))
	mux.Handle("POST /_sim/form/full", plain(s.formFull))
	mux.Handle("POST /_sim/form/person", plain(s.formPerson))
	mux.Handle("POST /_sim/form/fault", plain(s.formFault))
	mux.Handle("POST /_sim/form/clear", plain(s.formClear))
	mux.Handle("POST /_sim/form/switches", plain(s.formSwitches))
}

// phone asks again whose phone it is, for the control page and the link on the popup.
func (s *Simulator) phone(r *http.Request) reply {
	return s.page("owner", ownerPage{People: s.shownPeople(), phonePage: s.phonePage(r), Query: r.URL.RawQuery})
}

// ownPicture serves a person's picture for the simulator's own pages, without counting it as
// a call.
func (s *Simulator) ownPicture(r *http.Request) reply {
	p, ok := s.person(r.PathValue("key"))
	if !ok {
		return reply{status: http.StatusNotFound, header: http.Header{}}
	}
	return reply{status: http.StatusOK, body: draw(p, 132), header: http.Header{"Content-Type": {"image/png"}}}
}

// tried is a callback of the simulator's own. It shows what a service would get, so that a
// login can be seen before there is a service.
func (s *Simulator) tried(r *http.Request) reply {
	q := r.URL.Query()
	a := s.apps[0]
	s.mu.Lock()
	if c, ok := s.codes.get(q.Get("code")); ok {
		a = c.app
	}
	s.mu.Unlock()
	return s.page("tried", triedPage{Code: q.Get("code"), State: q.Get("state"), Base: s.baseURL(r), AppID: a.AppID, Secret: a.Secret})
}
