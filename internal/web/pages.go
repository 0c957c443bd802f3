package web

import (
	"net/http"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// page is the data of one template. Each page has a struct type of its own, so that a template
// can only show what its handler has put there on purpose.
type page interface {
	// file returns the name of the template, without .html.
	file() string
}

// frame is the data that every page gets in addition to its own.
type frame struct {
	Lang      string // zh_CN, zh_TW or en
	RequestID string
	Demo      *Demo     // not nil: a strip says that this is no real WeChat
	Branding  Branding  // of the site
	Admin     bool      // the visitor may see the navigation of the admin pages
	Joins     bool      // the navigation has a link to the joins
	Ways      bool      // people can have several identities
	Renews    bool      // this browser can fetch the profile again
	Path      string    // of the request, below the prefix; marks the place in navigations
	Now       time.Time // for relative times
	Base      string    // base of the addresses, if the page is shown under another site's; else empty
}

// Demo says where the parts of a demonstration are.
type Demo struct {
	SimulatorURL string // the control page of the simulator
}

// view is the data of a template: $.Lang, .Page.User …
type view struct {
	frame
	Page any
}

// link is a link to go on, which a page offers.
type link struct {
	Label string // key of the words
	Href  string
}

// profilePage is the visitor's own page.
type profilePage struct {
	User *auth.User
}

// consentPage asks for the profile before WeChat does.
type consentPage struct {
	Site       string // the host of the public URL
	ConsentURL string // of the big button
	SkipURL    string // for a signed-in person, back; for others, to a page that says they declined
	SignedIn   bool
	Follows    bool // WeChat is asked whether they follow the account
}

// messagePage shows one message and one link: for every error, and at the end of an act. Its
// words are KEY.title and KEY.text.
type messagePage struct {
	Icon   string // success, info, warn or waiting
	Key    string // "reason.blocked", "signed_out" …
	Action *link
	Detail string // a parameter and what it may be, or empty
}

// scanPage is for browsers outside WeChat: a QR code, and the addresses at which its script
// asks for the status.
type scanPage struct {
	App        string // that the person signs in to; empty: the site itself
	Site       string // the host that the person signs in to
	Phone      bool   // the browser is on a phone: the address comes first
	QRCodeURL  string // a PNG
	QRCodeSize int    // in pixels of the page
	Number     int    // that the phone shows too
	Status     string // of auth.ScanStatus
	EventsURL  string // a stream of statuses
	StatusURL  string // the status, once
	DoneURL    string // fetches the session, or shows this page again
	AgainURL   string // shows a new code
	URL        string // to sign in inside WeChat instead
	LoginURL   string // to go on in this browser all the same
	TicketURL  string // the address in the QR code, in a demonstration; else empty
}

// websitePage leads a desktop to the QR code of a website account, or shows it.
type websitePage struct {
	App      string // as in scanPage
	Site     string
	LoginURL string
	FrameURL string // WeChat's page, for a frame in this one; empty: LoginURL leads there
	ScanURL  string // to sign in with our own QR code instead
}

// scanAskPage asks the phone whether a desktop may be signed in.
type scanAskPage struct {
	App     string // that the desktop signs in to; empty: the site itself
	AppHost string // of the application; may be empty
	User    auth.User
	Site    string     // the host of the public URL
	Device  deviceName // of the desktop
	Address string     // of the desktop; may be empty
	Seconds int        // since the desktop began to wait
	Number  int        // that the desktop shows too
	Admin   bool       // the desktop could open the admin pages
	Action  string     // where the answer is sent
}

// erasePage asks for confirmation.
type erasePage struct {
	User auth.User
}

// adminLinkPage has the button that spends an admin link.
type adminLinkPage struct {
	Token string
}

// adminMessagePage is a messagePage in the frame of the admin pages.
type adminMessagePage messagePage

func (profilePage) file() string      { return "profile" }
func (consentPage) file() string      { return "consent" }
func (messagePage) file() string      { return "message" }
func (scanPage) file() string         { return "scan" }
func (websitePage) file() string      { return "website" }
func (scanAskPage) file() string      { return "scan_ask" }
func (erasePage) file() string        { return "erase" }
func (adminLinkPage) file() string    { return "admin_link" }
func (adminMessagePage) file() string { return "admin_message" }

// dones names what a form can have done; the words are done.NAME.
var dones = []string{
	"blocked", "unblocked", "sessions", "session", "admin_session", "refreshed", "needs_login", "erased", "mismatch", "granted", "revoked",
	"bulk_blocked", "bulk_sessions", "bulk_nobody", "app", "group",
	"joined", "dismissed", "parted", "moved", "linked", "unlinked",
}

// done returns the key of the words for what a form has just done, from a parameter of its
// redirect.
func done(r *http.Request) string {
	if name := r.URL.Query().Get("done"); slices.Contains(dones, name) {
		return "done." + name
	}
	return ""
}

// pages lists all pages, so that a missing template stops the start.
var pages = []page{
	profilePage{}, consentPage{}, messagePage{}, scanPage{}, websitePage{}, scanAskPage{}, erasePage{}, myDataPage{},
	clientConsentPage{}, onwardPage{}, linkPage{}, signOutPage{},
	adminLinkPage{}, adminHomePage{}, adminUsersPage{}, adminUserPage{}, adminClientsPage{}, adminClientPage{}, adminEventsPage{}, adminBulkPage{}, adminJoinsPage{}, adminMessagePage{},
}
