package web

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"wxlogin/internal/auth"
)

// flow is one trip to WeChat in progress. It lives in a cookie of its own,
// encrypted and signed, and in no database: strangers who begin trips cost
// nothing. A cookie for each trip, rather than one for all, because two tabs
// that begin at the same moment would overwrite each other's.
type flow struct {
	State    string
	Account  string // name of the account that it goes by; a code that comes back is good for it alone
	Scope    auth.Scope
	Tries    int // restarts so far
	Started  time.Time
	Token    auth.Secret // the session's, if the trip ends well
	ReturnTo string
	// Link is the id of the session to whose person an identity is to be linked; empty
	// for a login.
	Link string
}

// Limits of flows.
const (
	flowLifetime = 10 * time.Minute
	flowSkew     = 5 * time.Minute // a start in the future that clocks of two machines may explain
	maxFlows     = 5               // in one browser; the oldest go
	maxFlowBytes = 7400            // of cookies; nginx takes a header line of 8 KB
)

// flows makes and finds the flows of a browser.
type flows struct {
	store  *sessions.CookieStore
	prefix string // of their names
	old    string // of their names before these carried a tag
	now    func() time.Time
}

func newFlows(site site, keys auth.Keyring, now func() time.Time) *flows {
	var pairs [][]byte
	for _, key := range keys {
		pairs = append(pairs, key.Subkey("cookie/flow/hash"), key.Subkey("cookie/flow/block"))
	}
	store := sessions.NewCookieStore(pairs...) // whose codecs made the flows of older versions
	for _, codec := range store.Codecs {
		codec.(*securecookie.SecureCookie).SetSerializer(flowSerializer{})
	}
	for i, key := range keys {
		store.Codecs = slices.Insert(store.Codecs, i, securecookie.Codec(newFlowCodec(key)))
	}
	store.Options = new(site.cookieOptions("", flowLifetime))
	store.MaxAge(int(flowLifetime / time.Second)) // reaches the codecs too, Options alone does not
	return &flows{
		store:  store,
		prefix: site.cookie("", "wxlogin_flow") + "_",
		old:    cookieName(site.secure, "", "wxlogin_flow_"),
		now:    now,
	}
}

// begin starts a trip: its cookie is set on w, and the oldest ones make room.
func (f *flows) begin(w http.ResponseWriter, r *http.Request, fl flow) (flow, error) {
	fl.State, fl.Started, fl.Token = newState(), f.now(), auth.NewToken()
	session := sessions.NewSession(f.store, f.name(fl.State))
	session.Options = new(*f.store.Options)
	session.Values[flowKey] = fl
	if err := f.store.Save(r, w, session); err != nil {
		return flow{}, fmt.Errorf("save flow: %w", err)
	}
	made := w.Header()["Set-Cookie"]
	f.evict(w, r, len(made[len(made)-1]))
	return fl, nil
}

// find returns the flow that this browser began with the state, if it is still
// good.
func (f *flows) find(r *http.Request, state string) (flow, bool) {
	// One that began before an upgrade has the old name.
	for _, cookie := range append(r.CookiesNamed(f.name(state)), r.CookiesNamed(f.old+flowID(state))...) {
		fl, ok := f.decode(cookie)
		if ok && subtle.ConstantTimeCompare([]byte(fl.State), []byte(state)) == 1 {
			return fl, true
		}
	}
	return flow{}, false
}

// before says whether the browser holds a flow like this one that began shortly
// before it.
func (f *flows) before(r *http.Request, this flow) bool {
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(cookie.Name, f.prefix) {
			continue
		}
		other, ok := f.decode(cookie)
		ago := this.Started.Sub(other.Started)
		if ok && other.State != this.State && other.Scope == this.Scope && tripsPlace(other.ReturnTo) == tripsPlace(this.ReturnTo) && ago >= 0 && ago < 2*tripPause {
			return true
		}
	}
	return false
}

// evict ends the oldest flows of a browser that holds too many beside a new one of so
// many bytes, and all that are no longer good, so that cookies never outgrow what
// servers accept. Those of another instance on this host are not ours to end: their
// names differ.
func (f *flows) evict(w http.ResponseWriter, r *http.Request, bytes int) {
	type inProgress struct {
		cookie *http.Cookie
		flow   flow
	}
	var live []inProgress
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(cookie.Name, f.prefix) {
			continue
		}
		fl, ok := f.decode(cookie)
		if !ok {
			f.expire(w, cookie.Name)
			continue
		}
		live = append(live, inProgress{cookie, fl})
	}
	slices.SortFunc(live, func(a, b inProgress) int { return b.flow.Started.Compare(a.flow.Started) })
	for i, h := range live {
		bytes += len(h.cookie.Name) + len(h.cookie.Value)
		if i >= maxFlows-1 || bytes > maxFlowBytes {
			f.expire(w, h.cookie.Name)
		}
	}
}

func (f *flows) expire(w http.ResponseWriter, name string) {
	http.SetCookie(w, takeBack(name, *f.store.Options))
}

// decode opens a cookie. One that does not open, or opens to something too old,
// is no flow and no fault.
func (f *flows) decode(cookie *http.Cookie) (flow, bool) {
	values := make(map[any]any)
	if err := securecookie.DecodeMulti(cookie.Name, cookie.Value, &values, f.store.Codecs...); err != nil {
		return flow{}, false
	}
	fl, ok := values[flowKey].(flow)
	age := f.now().Sub(fl.Started)
	return fl, ok && age < flowLifetime && age > -flowSkew
}

// name is the cookie of a state's flow. It gives nothing of the state away.
func (f *flows) name(state string) string { return f.prefix + flowID(state) }

func flowID(state string) string { return auth.Hash(state)[:10] }

// newState makes a state: 26 letters and digits, 130 random bits. WeChat takes
// letters and digits up to 128 bytes (official) and has mangled others (field
// reports).
func newState() string { return rand.Text() }

// flowKey is the one value of a flow's session.
const flowKey = "flow"

// flowSerializer writes a flow as lines. No field but the last can hold a line
// break, and that one comes to its end; so nothing is quoted, an address to
// return to keeps every byte, and the longest still fits into a cookie.
type flowSerializer struct{}

func (flowSerializer) Serialize(src any) ([]byte, error) {
	values, _ := src.(map[any]any)
	fl, ok := values[flowKey].(flow)
	if !ok {
		return nil, errors.New("no flow in the session")
	}
	scope := string(fl.Scope)
	switch {
	case fl.Link != "":
		scope += "@" + fl.Account + "@" + fl.Link // no account's name to an older version, which would sign somebody in
	case fl.Account != auth.MainAccount:
		scope += "@" + fl.Account // main's are as they were before there were others: older versions read them
	}
	return []byte(strings.Join([]string{
		fl.State, scope, strconv.Itoa(fl.Tries),
		strconv.FormatInt(fl.Started.UnixMilli(), 10), string(fl.Token), fl.ReturnTo,
	}, "\n")), nil
}

func (flowSerializer) Deserialize(data []byte, dst any) error {
	values, ok := dst.(*map[any]any)
	lines := strings.SplitN(string(data), "\n", 6)
	if !ok || len(lines) != 6 {
		return errors.New("not a flow")
	}
	tries, err := strconv.Atoi(lines[2])
	if err != nil {
		return err
	}
	started, err := strconv.ParseInt(lines[3], 10, 64)
	if err != nil {
		return err
	}
	scope, account, other := strings.Cut(lines[1], "@")
	if !other {
		account = auth.MainAccount
	}
	account, linkTo, _ := strings.Cut(account, "@")
	(*values)[flowKey] = flow{
		State:    lines[0],
		Account:  account,
		Scope:    auth.Scope(scope),
		Tries:    tries,
		Started:  time.UnixMilli(started),
		Token:    auth.Secret(lines[4]),
		ReturnTo: lines[5],
		Link:     linkTo,
	}
	return nil
}
