package auth

import (
	"context"
	"time"
)

// ScanLifetime is how long a QR code on a desktop can be opened and answered.
const ScanLifetime = 2 * time.Minute

const (
	// scanGrace is how much longer a desktop may fetch its session, if the person confirmed
	// it at the last moment.
	scanGrace = 30 * time.Second
	// scanSkew is how far in the future a ticket may begin, because the clocks of two
	// machines differ.
	scanSkew = time.Minute
)

// Ticket is the content of a desktop's QR code, as far as this package needs it. Its maker
// has sealed it, so that nobody else can make one or change its age.
type Ticket struct {
	Hash      string
	StartedAt time.Time
}

func (t Ticket) alive(now time.Time, lifetime time.Duration) bool {
	age := now.Sub(t.StartedAt)
	return age < lifetime && age > -scanSkew
}

// ScanStatus is the state of a scan.
type ScanStatus string

// The states of a scan. ScanWaiting and ScanExpired are never stored.
const (
	ScanWaiting   ScanStatus = "waiting"   // nobody has opened the code
	ScanOpened    ScanStatus = "opened"    // a person has opened it and sees the question
	ScanConfirmed ScanStatus = "confirmed" // they said yes: the desktop may fetch its session
	ScanRefused   ScanStatus = "refused"   // they said no
	ScanUsed      ScanStatus = "used"      // the desktop has fetched its session
	ScanExpired   ScanStatus = "expired"   // the time is over
)

// Scan is a code that a signed-in person has opened.
type Scan struct {
	TicketHash string
	UserID     string // of the person who opened it
	IdentityID string // by which they were signed in; empty for the first
	Status     ScanStatus
	OpenedAt   time.Time
	AnsweredAt time.Time // zero while opened
	EndsAt     time.Time
}

// CollectScan is everything that signing a desktop in writes.
type CollectScan struct {
	TicketHash string
	Login      Login   // Outcome SignedIn, without its person
	Session    Session // without its person
	// Replaces is the hash of the desktop's previous session token: that session ends. May
	// be empty.
	Replaces string
}

// ScanStore stores scans. Each call is one transaction, so that only one of several
// concurrent calls, in whichever processes, takes effect. Every error is an *Error with
// StoreDown, or a context's, unless said otherwise.
type ScanStore interface {
	// OpenScan adds the scan, unless its ticket has one, and returns the stored one.
	// NoSuchUser when the person no longer exists.
	OpenScan(context.Context, Scan) (Scan, error)
	// ScanByTicket returns the scan of a ticket, in one read; the zero Scan when
	// nobody has opened it.
	ScanByTicket(ctx context.Context, ticketHash string) (Scan, error)
	// AnswerScan writes the answer of the person who opened the scan, and returns
	// true, once. False is no error: the scan is another person's, or not open.
	AnswerScan(ctx context.Context, ticketHash, userID string, answer ScanStatus, at time.Time) (bool, error)
	// CollectScan turns a confirmed scan into a session and a login, once, with the identity
	// of the person who opened it, and returns the person. ScanSpent when it is not
	// confirmed or has been collected; Blocked when the person is, and then nothing is
	// written.
	CollectScan(context.Context, CollectScan) (User, error)
	// Visit as in Store.
	Visit(ctx context.Context, kind SessionKind, tokenHash string) (*Visit, error)
}

// Scans is scan login, which signs desktops in by a phone that is signed in: the desktop
// shows a QR code, the phone opens it and asks the person, and after a yes the desktop gets
// a session of its own. Before calling Collect, the caller has to check that the browser is
// the one that the code was made for.
type Scans struct {
	store   ScanStore
	rules   Rules
	now     func() time.Time
	observe func(context.Context, Login)
}

// NewScans makes a Scans. observe may be nil; otherwise it is called once for every desktop
// that gets its session, and for every one whose session could not be saved.
func NewScans(store ScanStore, rules Rules, now func() time.Time, observe func(context.Context, Login)) *Scans {
	if observe == nil {
		observe = func(context.Context, Login) {}
	}
	return &Scans{store: store, rules: rules, now: now, observe: observe}
}

// Open saves that a person has opened a desktop's code. The same person may open it again.
// ScanSpent when the time is over, it is answered, or another person has opened it.
func (s *Scans) Open(ctx context.Context, ticket Ticket, user User) error {
	now := s.now()
	if !ticket.alive(now, ScanLifetime) {
		return Failf(ScanSpent, "the code has expired")
	}
	scan, err := s.store.OpenScan(ctx, Scan{
		TicketHash: ticket.Hash,
		UserID:     user.ID,
		IdentityID: user.IdentityID,
		Status:     ScanOpened,
		OpenedAt:   now,
		EndsAt:     ticket.StartedAt.Add(ScanLifetime),
	})
	switch {
	case err != nil:
		return err
	case scan.UserID != user.ID:
		return Failf(ScanSpent, "another person has opened the code")
	case scan.Status != ScanOpened:
		return Failf(ScanSpent, "the code is %s", scan.Status)
	}
	return nil
}

// Answer saves the yes or no of the person who opened the code. The same answer again is no
// error. ScanSpent when the time is over, the other answer was given, or the person is not
// the one who opened the code.
func (s *Scans) Answer(ctx context.Context, ticket Ticket, userID string, confirm bool) error {
	answer, now := ScanRefused, s.now()
	if confirm {
		answer = ScanConfirmed
	}
	if !ticket.alive(now, ScanLifetime) {
		return Failf(ScanSpent, "the code has expired")
	}
	answered, err := s.store.AnswerScan(ctx, ticket.Hash, userID, answer, now)
	if err != nil || answered {
		return err
	}
	scan, err := s.store.ScanByTicket(ctx, ticket.Hash)
	switch {
	case err != nil:
		return err
	case scan.UserID == userID && (scan.Status == answer || scan.Status == ScanUsed && confirm):
		return nil // the button was pressed twice
	}
	return Failf(ScanSpent, "the code is not open to this person")
}

// Status returns the state of a code. It reads once and writes nothing.
func (s *Scans) Status(ctx context.Context, ticket Ticket) (ScanStatus, error) {
	now := s.now()
	if !ticket.alive(now, ScanLifetime+scanGrace) {
		return ScanExpired, nil
	}
	scan, err := s.store.ScanByTicket(ctx, ticket.Hash)
	switch {
	case err != nil:
		return "", err
	case scan.Status == ScanConfirmed || scan.Status == ScanUsed || scan.Status == ScanRefused:
		return scan.Status, nil
	case !ticket.alive(now, ScanLifetime):
		return ScanExpired, nil
	case scan.Status == "":
		return ScanWaiting, nil
	}
	return scan.Status, nil
}

// Collection is a desktop that comes for its session.
type Collection struct {
	// Token becomes the session's token. It is the same whenever the same desktop sends the
	// same ticket, so that every answer to a repeated request carries the one session, and
	// only to that desktop.
	Token    Secret
	Replaces string // as in CollectScan
	Device   Device
}

// Collect signs the desktop in, once. Called again for the same desktop, it succeeds while
// that session lasts. ScanSpent when the code is not confirmed, its time is over, or the
// session has ended; Blocked when the person is.
func (s *Scans) Collect(ctx context.Context, ticket Ticket, c Collection) error {
	at := s.now()
	if !ticket.alive(at, ScanLifetime+scanGrace) {
		return Failf(ScanSpent, "the code has expired")
	}
	session := Session{
		ID:         NewID(),
		TokenHash:  Hash(c.Token),
		Kind:       VisitorSession,
		Scope:      ScopeScan,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(s.rules.Lifetime),
		Device:     c.Device,
	}
	login := Login{
		ID:    NewID(),
		AppID: s.rules.AppID, // until the account by which the phone was signed in is known
		// The history of logins outlives the scan and keeps a ticket from being spent
		// again, as it does with states and codes.
		StateHash:   ticket.Hash,
		CodeHash:    ticket.Hash,
		SessionHash: session.TokenHash,
		Scope:       ScopeScan,
		Outcome:     SignedIn,
		StartedAt:   at,
		FinishedAt:  at,
		Device:      c.Device,
	}
	user, err := s.store.CollectScan(ctx, CollectScan{
		TicketHash: ticket.Hash,
		Login:      login,
		Session:    session,
		Replaces:   c.Replaces,
	})
	if ReasonOf(err) == ScanSpent {
		return s.collected(ctx, session.TokenHash, err)
	}
	if err != nil {
		login.Outcome, login.Reason, login.Step = Failed, ReasonOf(err), StepSave
		s.observe(ctx, login)
		return err
	}
	login.UserID, login.IdentityID, login.AppID = user.ID, user.IdentityID, user.AppID
	s.observe(ctx, login)
	return nil
}

// collected looks for the session that the desktop has fetched before, and returns why when
// there is none.
func (s *Scans) collected(ctx context.Context, tokenHash string, why error) error {
	visit, err := s.store.Visit(ctx, VisitorSession, tokenHash)
	if ReasonOf(err) == NotSignedIn || err == nil && !visit.Session.Alive(s.now(), s.rules.Idle) {
		return why
	}
	return err
}
