package wechatsim

import "net/http"

// scan is a QR code of a website's login.
type scan struct{}

func (s *Simulator) qrconnectRoutes(mux *http.ServeMux) {
	mux.Handle("GET /connect/qrconnect", s.endpoint(Authorize, s.qrconnect))
}

// qrconnect answers GET /connect/qrconnect, a website's login: the code that a phone
// would scan is taken as scanned by the browser's person.
func (s *Simulator) qrconnect(r *http.Request) reply {
	req, refused := s.check(r, true)
	if refused != nil {
		return s.refusalPage(*refused)
	}
	p, ok := s.owner(r)
	if !ok {
		rep := s.page("owner", ownerPage{People: s.shownPeople(), Query: req.raw})
		rep.outcome, rep.appID = "whose phone", req.app.AppID
		return rep
	}
	rep := s.decide(r, req, p)
	rep.person, rep.appID = p.Key, req.app.AppID
	return rep
}
