package web

import (
	"cmp"
	"net/http"
	"net/url"

	"rsc.io/qr"

	"wxlogin/internal/auth"
)

// A desktop has no WeChat to sign in with, so it shows a QR code. A phone opens the code in
// WeChat, signs in as usual, and asks the person whether the desktop may be signed in too.
// This file is the desktop's side, scan_phone.go the phone's, and scan_events.go how the
// desktop gets the answer.

// scanPolicy is contentPolicy for the page of the code, whose script waits for the answer.
const scanPolicy = contentPolicy + "; script-src 'self'; connect-src 'self'"

// scan shows a browser outside WeChat how to sign in. It writes nothing to the database.
func (s *Server) scan(w http.ResponseWriter, r *http.Request) error {
	returnTo := s.returnTo(r)
	account, err := s.accountFor(r, returnTo)
	if err != nil {
		return err
	}
	if website, ok := s.websiteFor(r, account); ok {
		return s.showWebsite(w, r, website)
	}
	client, err := s.signsInTo(r.Context(), returnTo)
	if err != nil {
		return err
	}
	tk, err := s.tickets.issue(w, r, uint16(client.Number))
	if err != nil {
		return err
	}
	return s.showScan(w, r, tk, auth.ScanWaiting)
}

// showScan answers with the page of a ticket's code.
func (s *Server) showScan(w http.ResponseWriter, r *http.Request, tk ticket, status auth.ScanStatus) error {
	code, err := s.scanCode(tk)
	if err != nil {
		return err
	}
	returnTo := s.returnTo(r)
	client, err := s.signsInTo(r.Context(), returnTo)
	if err != nil {
		return err
	}
	account, err := askedAccount(r)
	if err != nil {
		return err
	}
	query := "?" + accountParameter(account) + "ticket=" + tk.text
	p := scanPage{
		App:        client.Name,
		Site:       cmp.Or(s.foreign(returnTo), s.config.PublicURL.Host),
		Phone:      onPhone(r),
		QRCodeURL:  s.site.prefix + "/scan/qr.png" + query,
		QRCodeSize: (code.Size + 2*quietZone) * moduleSize,
		Number:     tk.Number,
		Status:     string(status),
		EventsURL:  s.site.prefix + "/scan/events" + query,
		StatusURL:  s.site.prefix + "/scan/status" + query,
		DoneURL:    s.site.prefix + "/scan/done" + query + "&return_to=" + url.QueryEscape(returnTo),
		AgainURL:   s.codePath(account, returnTo),
		URL:        s.signInURL(returnTo),
		LoginURL:   s.loginPath(account, returnTo, false),
	}
	if s.config.Demo != nil {
		p.TicketURL = s.ticketURL(tk)
	}
	w.Header().Set("Content-Security-Policy", scanPolicy)
	return s.page(w, r, p)
}

// scanPath returns the address that shows a new code.
func (s *Server) scanPath(account, returnTo string) string {
	return s.site.prefix + "/scan?" + accountParameter(account) + "return_to=" + url.QueryEscape(returnTo)
}

// ticketPath returns the path of the phone's page.
func (s *Server) ticketPath(tk ticket) string { return s.site.prefix + "/scan/" + tk.text }

// ticketURL returns the address in a QR code.
func (s *Server) ticketURL(tk ticket) string { return s.site.origin + s.ticketPath(tk) }

// The size of a module in pixels of the page, and of the margin in modules. WeChat needs a
// white margin of four.
const (
	moduleSize = 5
	quietZone  = 4
)

// scanCode makes a ticket's QR code. It is read from a clean screen, so the lowest error
// correction is enough, and keeps the modules large.
func (s *Server) scanCode(tk ticket) (*qr.Code, error) {
	code, err := qr.Encode(s.ticketURL(tk), qr.L)
	if err != nil {
		return nil, err // our own public address is too long
	}
	code.Scale = 2 * moduleSize // sharp on high-resolution screens too
	return code, nil
}

// scanPicture serves the code as a picture. By a long press, WeChat can read a code only from
// a real picture.
func (s *Server) scanPicture(w http.ResponseWriter, r *http.Request) error {
	tk, ok := s.tickets.open(r.URL.Query().Get("ticket"))
	if !ok {
		return auth.Failf(auth.ScanSpent, "not a ticket")
	}
	code, err := s.scanCode(tk)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(code.PNG()) // if it fails, the browser has disconnected
	return nil
}

// scanDone is where a desktop fetches its session. Before the answer, it shows the same code
// again: without the script, the page comes here every few seconds.
func (s *Server) scanDone(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	returnTo, account := s.site.returnTo(query.Get("return_to")), query.Get("account")
	tk, token, ok := s.tickets.openOwn(r, query.Get("ticket"))
	if !ok {
		// Another tab of this browser may have been faster.
		if _, err := s.visitor(r); err == nil {
			return redirect(w, http.StatusSeeOther, returnTo)
		}
		return redirect(w, http.StatusSeeOther, s.codePath(account, returnTo))
	}
	status, err := s.scans.Status(r.Context(), tk.domain())
	switch {
	case err != nil:
		return err
	case status == auth.ScanExpired:
		return redirect(w, http.StatusSeeOther, s.codePath(account, returnTo))
	case status != auth.ScanConfirmed && status != auth.ScanUsed:
		return s.showScan(w, r, tk, status)
	}
	err = s.scans.Collect(r.Context(), tk.domain(), auth.Collection{
		Token:    token,
		Replaces: s.currentTokenHash(r),
		Device:   device(r),
	})
	if auth.ReasonOf(err) == auth.ScanSpent { // collected before, and signed out since
		return redirect(w, http.StatusSeeOther, s.codePath(account, returnTo))
	}
	if err != nil {
		return err
	}
	if err := s.cookies.hand(w, r, s.cookies.visitor, token); err != nil {
		return err
	}
	s.tickets.clearCookie(w)
	if s.signedOutNotice(r) != "" {
		http.SetCookie(w, s.signedOutCookie("", -1))
	}
	return redirect(w, http.StatusSeeOther, returnTo)
}
