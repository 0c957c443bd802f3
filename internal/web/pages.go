package web

import (
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
	Admin     bool      // desk pages: the visitor may see the navigation
	Path      string    // of the request, below the prefix; marks the place in navigations
	Now       time.Time // for relative times
}

// Demo says where the pieces of a demonstration are.
type Demo struct {
	SimulatorURL string // its control page
	AdminURL     string // a page that makes an admin link; may be empty
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
	User auth.User
}

// consentPage asks for the profile before WeChat does.
type consentPage struct {
	Site       string // who asks: the host of the public URL
	ConsentURL string // the big button
}

// messagePage says one thing and offers one way on: every error, and the ends of
// things. Its words are KEY.title and KEY.text.
type messagePage struct {
	Icon   string // success, info, warn or waiting
	Key    string // "reason.blocked", "signed_out" …
	Action *link
	Other  *link
}

// scanPage is for browsers outside WeChat.
type scanPage struct {
	QRCodeURL string // a PNG
	URL       string // what the code says
	LoginURL  string // go on in this browser all the same
}

// erasePage asks once more.
type erasePage struct {
	User auth.User
}

// adminLinkPage has the one button that spends an admin link.
type adminLinkPage struct {
	Token string
}

// adminHomePage is the dashboard.
type adminHomePage struct {
	Counts auth.Counts // since the beginning of today
}

// adminUsersPage is the list of people.
type adminUsersPage struct {
	Users   []auth.User
	Query   auth.UserQuery
	Total   int64 // that match
	Filters []auth.Filter
	Sorts   []auth.Sort
	NextURL string // empty on the last page
	PrevURL string // empty on the first
	CSVURL  string // of all that match
	Done    string // key of what has just been done, or empty
}

// adminUserPage is one person.
type adminUserPage struct {
	User     auth.User
	Admin    bool // is one, by whichever rule
	Sessions []auth.Session
	Logins   []auth.Login // the latest
	Done     string       // key of what has just been done, or empty
}

// adminEventsPage is the record of what admins did.
type adminEventsPage struct {
	Events []auth.Event
}

// adminMessagePage is a messagePage in the frame of the desk.
type adminMessagePage messagePage

func (profilePage) file() string      { return "profile" }
func (consentPage) file() string      { return "consent" }
func (messagePage) file() string      { return "message" }
func (scanPage) file() string         { return "scan" }
func (erasePage) file() string        { return "erase" }
func (adminLinkPage) file() string    { return "admin_link" }
func (adminHomePage) file() string    { return "admin_home" }
func (adminUsersPage) file() string   { return "admin_users" }
func (adminUserPage) file() string    { return "admin_user" }
func (adminEventsPage) file() string  { return "admin_events" }
func (adminMessagePage) file() string { return "admin_message" }

// pages lists them all, so that a missing template stops the start.
var pages = []page{
	profilePage{}, consentPage{}, messagePage{}, scanPage{}, erasePage{},
	adminLinkPage{}, adminHomePage{}, adminUsersPage{}, adminUserPage{}, adminEventsPage{}, adminMessagePage{},
}
