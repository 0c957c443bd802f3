package web

import (
	"net/http"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// A page is the data of one template. Each has a struct type of its own, so that
// a template can only show what its handler has gathered on purpose.
type page interface {
	// file names the template, without .html.
	file() string
}

// frame is what every page is given besides its own data.
type frame struct {
	Lang      string // zh_CN, zh_TW or en
	RequestID string
	Demo      *Demo     // not nil: a strip says that this is no real WeChat
	Branding  Branding  // of the site
	Admin     bool      // admin pages: the visitor may see the navigation
	Joins     bool      // that leads to the joins
	Ways      bool      // people can have several ways in
	Renews    bool      // this browser can fetch the profile again
	Path      string    // of the request, below the prefix; marks the place in navigations
	Now       time.Time // for relative times
	Base      string    // what addresses on the page begin at, if it is shown under another site's; else empty
}

// Demo says where the pieces of a demonstration are.
type Demo struct {
	SimulatorURL string // its control page
}

// view is what a template is executed with: $.Lang, .Page.User …
type view struct {
	frame
	Page any
}

// link is a way forward that a page offers.
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
	Site       string // who asks: the host of the public URL
	ConsentURL string // the big button
	SkipURL    string // past it: for somebody who is signed in, back; for others, to a page that says so
	SignedIn   bool
	Follows    bool // WeChat is asked whether they follow the account
}

// messagePage says one thing and offers one way on: every error, and the ends of
// things. Its words are KEY.title and KEY.text.
type messagePage struct {
	Icon   string // success, info, warn or waiting
	Key    string // "reason.blocked", "signed_out" …
	Action *link
	Detail string // a parameter and what it may be, or empty
}

// scanPage is for browsers outside WeChat: a code, and where its script asks
// what has become of it.
type scanPage struct {
	App        string // that is signed in to; empty: the site itself
	Site       string // that is signed in to: its host
	Phone      bool   // the browser is on a phone: the address comes first
	QRCodeURL  string // a PNG
	QRCodeSize int    // in pixels of the page
	Number     int    // that the phone shows too
	Status     string // of auth.ScanStatus
	EventsURL  string // a stream of statuses
	StatusURL  string // the same, asked for
	DoneURL    string // fetches the session, or shows this page again
	AgainURL   string // a new code
	URL        string // to sign in inside WeChat instead
	LoginURL   string // go on in this browser all the same
	TicketURL  string // what the code says, for a demonstration; else empty
}

// websitePage leads a desktop to the QR code of a website account, or shows it.
type websitePage struct {
	App      string // as in scanPage
	Site     string
	LoginURL string
	FrameURL string // WeChat's page, to be shown in this one; empty: LoginURL leads there
	ScanURL  string // to sign in by a code of ours instead
}

// scanAskPage asks the phone whether a desktop may be signed in.
type scanAskPage struct {
	App     string // that the desktop signs in to; empty: the site itself
	AppHost string // where it is; may be empty
	User    auth.User
	Site    string     // the host of the public URL
	Device  deviceName // of the desktop
	Address string     // of the desktop; may be empty
	Seconds int        // since the desktop began to ask
	Number  int        // that the desktop shows too
	Admin   bool       // the desktop could open the admin pages
	Action  string     // where the answer goes
}

// erasePage asks once more.
type erasePage struct {
	User auth.User
}

// adminLinkPage has the one button that spends an admin link.
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

// dones are what a form can have done; its words are done.NAME.
var dones = []string{
	"blocked", "unblocked", "sessions", "session", "admin_session", "refreshed", "needs_login", "erased", "mismatch", "granted", "revoked",
	"bulk_blocked", "bulk_sessions", "bulk_nobody", "app", "group",
	"joined", "dismissed", "parted", "moved", "linked", "unlinked",
}

// done is the key of the words for what a form has just done, by what its
// redirect says.
func done(r *http.Request) string {
	if name := r.URL.Query().Get("done"); slices.Contains(dones, name) {
		return "done." + name
	}
	return ""
}

// pages lists them all, so that a missing template stops the start.
var pages = []page{
	profilePage{}, consentPage{}, messagePage{}, scanPage{}, websitePage{}, scanAskPage{}, erasePage{}, myDataPage{},
	clientConsentPage{}, onwardPage{}, linkPage{}, signOutPage{},
	adminLinkPage{}, adminHomePage{}, adminUsersPage{}, adminUserPage{}, adminClientsPage{}, adminClientPage{}, adminEventsPage{}, adminBulkPage{}, adminJoinsPage{}, adminMessagePage{},
}
