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

// flow is one trip to WeChat in progress. It is stored in a cookie of its own, encrypted and
// signed, and not in the database: strangers who begin trips cost nothing. There is one
// cookie for each trip, because with one for all, two tabs that begin at the same moment
// would overwrite each other's.
type flow struct {
	State    string
	Account  string // name of its account: the code that comes back is valid for this one only
	Scope    auth.Scope
	Tries    int // restarts so far
	Started  time.Time
	Token    auth.Secret // of the session that begins if the trip succeeds
	ReturnTo string
	// Link is the id of the session whose person links an identity; empty for a login.
	Link string
}

// Limits of flows.
const (
	flowLifetime = 10 * time.Minute
	flowSkew     = 5 * time.Minute // how far in the future a flow may begin, because clocks differ
	maxFlows     = 5               // in one browser; the oldest are evicted
	maxFlowBytes = 7400            // of cookies; nginx accepts a header line of 8 KB
)

// flows makes and finds the flows of a browser.
type flows struct {
	store  *sessions.CookieStore
	prefix string // of the cookies' names
	old    string // of the cookies' names before they had a tag
	now    func() time.Time
}

func newFlows(site site, keys auth.Keyring, now func() time.Time) *flows {
	var pairs [][]byte
	for _, key := range keys {
		pairs = append(pairs, key.Subkey("cookie/flow/hash"), key.Subkey("cookie/flow/block"))
	}
	store := sessions.NewCookieStore(pairs...) // its codecs decode flows of older versions
	for _, codec := range store.Codecs {
		codec.(*securecookie.SecureCookie).SetSerializer(flowSerializer{})
	}
	for i, key := range keys {
		store.Codecs = slices.Insert(store.Codecs, i, securecookie.Codec(newFlowCodec(key)))
	}
	store.Options = new(site.cookieOptions("", flowLifetime))
	store.MaxAge(int(flowLifetime / time.Second)) // sets it in the codecs too, which Options does not
	return &flows{
		store:  store,
		prefix: site.cookie("", "wxlogin_flow") + "_",
		old:    cookieName(site.secure, "", "wxlogin_flow_"),
		now:    now,
	}
}

// begin begins a trip: it sets its cookie on w, and evicts the oldest ones.
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

// find returns the flow that this browser began with the state, if it is still valid.
func (f *flows) find(r *http.Request, state string) (flow, bool) {
	// The cookie of a flow that began before an upgrade has the old name.
	for _, cookie := range append(r.CookiesNamed(f.name(state)), r.CookiesNamed(f.old+flowID(state))...) {
		fl, ok := f.decode(cookie)
		if ok && subtle.ConstantTimeCompare([]byte(fl.State), []byte(state)) == 1 {
			return fl, true
		}
	}
	return flow{}, false
}

// before says whether the browser has a similar flow that began shortly before this one.
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

// evict deletes a browser's invalid flows, and the oldest ones if there are too many beside a
// new one with so many bytes, so that the cookies never exceed what servers accept. It
// leaves those of other instances on this host, which have other names.
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

// decode decrypts a cookie. ok is false if it cannot be decrypted or is too old, which is not
// an error.
func (f *flows) decode(cookie *http.Cookie) (flow, bool) {
	values := make(map[any]any)
	if err := securecookie.DecodeMulti(cookie.Name, cookie.Value, &values, f.store.Codecs...); err != nil {
		return flow{}, false
	}
	fl, ok := values[flowKey].(flow)
	age := f.now().Sub(fl.Started)
	return fl, ok && age < flowLifetime && age > -flowSkew
}

// name returns the name of the cookie of a state's flow. It does not reveal the state.
func (f *flows) name(state string) string { return f.prefix + flowID(state) }

func flowID(state string) string { return auth.Hash(state)[:10] }

// newState makes a state: 26 letters and digits, 130 random bits. WeChat accepts letters and
// digits, up to 128 bytes (official), and has mangled other characters (field reports).
func newState() string { return rand.Text() }

// flowKey is the key of the only value in a flow's session.
const flowKey = "flow"

// flowSerializer writes a flow as lines. Only the last field can contain a line break, so
// nothing is quoted, the return address keeps every byte, and the longest one still fits
// into a cookie.
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
		scope += "@" + fl.Account + "@" + fl.Link // older versions, which would sign the person in, find no account of this name
	case fl.Account != auth.MainAccount:
		scope += "@" + fl.Account // without a name for main, as older versions read and write it
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
