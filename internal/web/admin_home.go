package web

import (
	"net/http"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// spans are the numbers of days that the dashboard can show.
var spans = []int{30, 90}

// adminHome is the dashboard.
func (s *Server) adminHome(w http.ResponseWriter, r *http.Request) error {
	now, span := s.now(), spans[0]
	if r.URL.Query().Get("days") == "90" {
		span = spans[1]
	}
	counts, err := s.statistics.Counts(r.Context(), midnight(now, s.config.Zone))
	if err != nil {
		return err
	}
	logins, errcodes := days(now, s.config.Zone, span), days(now, s.config.Zone, span)
	activity, err := s.statistics.Activity(r.Context(), logins.since())
	if err != nil {
		return err
	}
	logins.add(series{Key: seriesLogins}, activity.Logins)
	logins.add(series{Key: seriesNewUsers}, activity.NewUsers)
	lang := s.renderer.language(r)
	errcodes.addErrcodes(activity.Errcodes, func(errcode int64) string { return s.meaning(lang, errcode) })
	sessions, err := s.admins.Sessions(r.Context())
	if err != nil {
		return err
	}
	p := adminHomePage{
		Counts:   counts,
		Span:     span,
		Spans:    spans,
		Logins:   logins.draw(false),
		Errcodes: errcodes.draw(true),
		Activity: activity,
		Healthy:  activity.LastGood.After(activity.LastError.StartedAt),
		Meanings: s.meanings(r, append(activity.Troubles, activity.LastError)),
		By:       s.accountsOf(append(activity.Troubles, activity.LastError)),
		Sessions: sessions,
		Self:     adminOf(r).Person(),
		Done:     done(r),
	}
	if visit, err := s.live(r, s.cookies.admin); err == nil {
		p.Here = visit.Session.ID
	}
	return s.page(w, r, p)
}

// meaning returns what an errcode means; empty for 0 and for an unknown one.
func (s *Server) meaning(lang string, errcode int64) string {
	if errcode == 0 || s.config.Meaning == nil {
		return ""
	}
	return s.config.Meaning(lang, errcode)
}

// meanings returns the meaning of each errcode of some logins.
func (s *Server) meanings(r *http.Request, logins []auth.Login) map[int64]string {
	lang, all := s.renderer.language(r), make(map[int64]string)
	for _, l := range logins {
		if l.Errcode != 0 {
			all[l.Errcode] = s.meaning(lang, l.Errcode)
		}
	}
	return all
}

// accountsOf returns the accounts of some logins, by AppID; nil when there is only one
// account.
func (s *Server) accountsOf(logins []auth.Login) map[string]auth.Account {
	if len(s.rules.Accounts) < 2 {
		return nil
	}
	by := make(map[string]auth.Account)
	for _, l := range logins {
		by[l.AppID] = s.rules.Account(l.AppID)
	}
	return by
}

// adminHomePage is the dashboard.
type adminHomePage struct {
	Counts   admin.Counts // since the beginning of today
	Span     int          // days of the charts
	Spans    []int
	Logins   *chart
	Errcodes *chart
	Activity admin.Activity
	Healthy  bool // WeChat has identified a person since its last error
	Meanings map[int64]string
	By       map[string]auth.Account // of the logins, by AppID; nil when there is one account
	Sessions []auth.Session          // of browsers let in by a link
	Here     string                  // the id of the viewer's one of these sessions, or empty
	Self     string                  // the id of a viewer who acts by their own login, or empty
	Done     string                  // key of what has just been done, or empty
}

func (adminHomePage) file() string { return "admin_home" }
