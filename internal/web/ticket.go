package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"net/http"
	"net/netip"
	"time"

	"github.com/gorilla/sessions"

	"wxlogin/internal/auth"
)

// ticket is the content of a desktop's QR code. It is sealed and exists only in the code's
// address: strangers who request codes cause no writes.
//
// It is bound to the desktop by the hash of a cookie that only that browser has. A code can be
// confirmed without the cookie, but is of no use without it; and the cookie alone names no
// code.
type ticket struct {
	text    string // sealed, as in the address
	Started time.Time
	Number  int    // that both desktop and phone show, 10 to 99
	Client  uint16 // number of the application that the desktop signs in to; 0: none
	Device  deviceName
	Addr    netip.Addr // of the desktop; may be invalid
	binding [bindingBytes]byte
	session []byte // key that derives the session's token
}

const (
	bindingBytes = 16
	ticketBytes  = 6 + 1 + 2 + bindingBytes + 2 // without the address, which comes last
)

// domain returns the ticket as package auth needs it.
func (t ticket) domain() auth.Ticket {
	return auth.Ticket{Hash: auth.Hash(t.text), StartedAt: t.Started}
}

// tickets makes and opens tickets.
type tickets struct {
	keys   []ticketKey // newest first: the first seals, every one opens
	cookie sessions.Options
	name   string
	now    func() time.Time
}

type ticketKey struct {
	aead    cipher.AEAD
	session []byte
}

func newTickets(site site, ring auth.Keyring, now func() time.Time) (*tickets, error) {
	t := &tickets{
		name:   site.cookie("", "wxlogin_scan"),
		now:    now,
		cookie: site.cookieOptions("", time.Hour), // for all codes of a browser; a code's two minutes are in the ticket
	}
	for _, key := range ring {
		block, err := aes.NewCipher(key.Subkey("scan/v1"))
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		t.keys = append(t.keys, ticketKey{aead: aead, session: key.Subkey("scan/session/v1")})
	}
	return t, nil
}

// issue makes a ticket for the browser of a request, and sets the cookie that the ticket is
// bound to. All tabs of a browser share the cookie.
func (t *tickets) issue(w http.ResponseWriter, r *http.Request, client uint16) (ticket, error) {
	secret := ""
	for secret = range cookieTokens(r, t.name) {
		break
	}
	if secret == "" {
		secret = string(auth.NewToken())
	}
	http.SetCookie(w, sessions.NewCookie(t.name, secret, &t.cookie))
	number, err := rand.Int(rand.Reader, big.NewInt(90))
	if err != nil {
		return ticket{}, err
	}
	from := device(r)
	addr, _ := netip.ParseAddr(from.RemoteAddr)
	tk := ticket{
		Started: t.now(),
		Number:  10 + int(number.Int64()),
		Client:  client,
		Device:  nameDevice(from.UserAgent),
		Addr:    addr.Unmap().WithZone(""),
		binding: bind(secret),
		session: t.keys[0].session,
	}
	tk.text = base64.RawURLEncoding.EncodeToString(t.keys[0].aead.Seal(nil, nil, tk.encode(), nil))
	return tk, nil
}

// encode returns as few bytes as possible, because every byte makes the code's modules smaller
// and harder to scan.
func (t ticket) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.Started.UnixMilli()))[2:]
	b = append(b, byte(t.Number), t.Device.System, t.Device.Browser)
	b = append(b, t.binding[:]...)
	b = binary.BigEndian.AppendUint16(b, t.Client)
	return append(b, t.Addr.AsSlice()...)
}

// open reads a ticket; false for one that we have not made.
func (t *tickets) open(text string) (ticket, bool) {
	box, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(box) != text { // the decoder ignores line breaks
		return ticket{}, false
	}
	for _, key := range t.keys {
		b, err := key.aead.Open(nil, nil, box, nil)
		if err != nil || len(b) < ticketBytes {
			continue
		}
		tk := ticket{
			text:    text,
			Started: time.UnixMilli(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...)))),
			Number:  int(b[6]),
			Device:  deviceName{System: b[7], Browser: b[8]},
			session: key.session,
		}
		copy(tk.binding[:], b[9:])
		tk.Client = binary.BigEndian.Uint16(b[9+bindingBytes:])
		tk.Addr, _ = netip.AddrFromSlice(b[ticketBytes:])
		return tk, true
	}
	return ticket{}, false
}

// openOwn opens a ticket if it was made for this browser, and returns the token of the session
// that the browser gets for it, which nobody can make without both the cookie and our key.
func (t *tickets) openOwn(r *http.Request, text string) (ticket, auth.Secret, bool) {
	tk, ok := t.open(text)
	if !ok {
		return ticket{}, "", false
	}
	for secret := range cookieTokens(r, t.name) {
		binding := bind(secret)
		if subtle.ConstantTimeCompare(binding[:], tk.binding[:]) == 1 {
			mac := hmac.New(sha256.New, tk.session)
			mac.Write([]byte(secret + "\n" + tk.text))
			return tk, auth.Secret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil))), true
		}
	}
	return ticket{}, "", false
}

// clearCookie deletes the cookie after the login.
func (t *tickets) clearCookie(w http.ResponseWriter) {
	http.SetCookie(w, takeBack(t.name, t.cookie))
}

func bind(secret string) [bindingBytes]byte {
	sum := sha256.Sum256([]byte(secret))
	return [bindingBytes]byte(sum[:bindingBytes])
}
