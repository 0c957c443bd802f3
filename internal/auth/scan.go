package auth

import (
	"context"
	"time"
)

// ScanLifetime is how long a code on a desktop can be opened and answered.
const ScanLifetime = 2 * time.Minute

const (
	// scanGrace is how much longer a desktop may fetch what was confirmed in the
	// last moment.
	scanGrace = 30 * time.Second
	// scanSkew is a start in the future that the clocks of two machines may
	// explain.
	scanSkew = time.Minute
)

// Ticket is what a desktop shows as a code, as far as it matters here. Whoever
// makes one has sealed it, so nobody can make their own or change its age.
type Ticket struct {
	Hash      string
	StartedAt time.Time
}

func (t Ticket) alive(now time.Time, lifetime time.Duration) bool {
	age := now.Sub(t.StartedAt)
	return age < lifetime && age > -scanSkew
}

// ScanStatus is how far a scan has come.
type ScanStatus string

// The states of a scan. ScanWaiting and ScanExpired are never written down.
const (
	ScanWaiting   ScanStatus = "waiting"   // nobody has opened the code
	ScanOpened    ScanStatus = "opened"    // somebody has, and looks at the question
	ScanConfirmed ScanStatus = "confirmed" // and said yes; the desktop may fetch its session
	ScanRefused   ScanStatus = "refused"   // or no
	ScanUsed      ScanStatus = "used"      // the desktop has fetched it
	ScanExpired   ScanStatus = "expired"   // the time is over
)

// Scan is a code that somebody who is signed in has opened.
type Scan struct {
	TicketHash string
	UserID     string // who opened it
	IdentityID string // by which they were signed in; empty for the first
	Status     ScanStatus
	OpenedAt   time.Time
	AnsweredAt time.Time // zero while opened
	EndsAt     time.Time
}

// CollectScan is all that signing a desktop in writes.
type CollectScan struct {
	TicketHash string
	Login      Login   // Outcome SignedIn, without whose it is
	Session    Session // likewise
	// Replaces is the hash of the session token that the desktop held before;
	// that session ends. May be empty.
	Replaces string
}

// ScanStore is where scans are written down. Each call is one transaction, so
// that of many at once, in many processes, one counts. Every error is an *Error
// with StoreDown, or a context's, unless said otherwise.
type ScanStore interface {
	// OpenScan adds the scan unless its ticket has one, and returns the one that
	// is stored. NoSuchUser when the person is gone.
	OpenScan(context.Context, Scan) (Scan, error)
	// ScanByTicket returns the scan of a ticket, in one read; the zero Scan when
	// nobody has opened it.
	ScanByTicket(ctx context.Context, ticketHash string) (Scan, error)
	// AnswerScan writes the answer of the person who opened the scan, and returns
	// true, once. False is no error: the scan is another person's, or not open.
	AnswerScan(ctx context.Context, ticketHash, userID string, answer ScanStatus, at time.Time) (bool, error)
	// CollectScan turns a confirmed scan into a session and a login, once, by the
	// identity of who opened it, and returns the person. ScanSpent when it is not confirmed, or not any more;
	// Blocked when the person is, and then nothing is written.
	CollectScan(context.Context, CollectScan) (User, error)
	// Visit is the one of Store.
	Visit(ctx context.Context, kind SessionKind, tokenHash string) (*Visit, error)
}

// Scans is scan login: it signs desktops in by a phone that is signed in: the desktop shows a code, the
// phone opens it and is asked, and after a yes the desktop gets a session of its
// own. What only that desktop knows is not seen to here: Collect is for whoever
// has been found to be the browser that the code was made for.
type Scans struct {
	store   ScanStore
	rules   Rules
	now     func() time.Time
	observe func(context.Context, Login)
}

// NewScans makes a Scans. observe may be nil; else it is told of every desktop
// that comes for its session with a yes, once, and of those whose session could
// not be made.
func NewScans(store ScanStore, rules Rules, now func() time.Time, observe func(context.Context, Login)) *Scans {
	if observe == nil {
		observe = func(context.Context, Login) {}
	}
	return &Scans{store: store, rules: rules, now: now, observe: observe}
}

// Open writes down that a person looks at a desktop's question. Opening it again
// is no error for that person. ScanSpent when the time is over, it is answered,
// or another person has opened it.
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

// Answer takes the yes or no of the person who opened the code. The same answer
// again is no error. ScanSpent when the time is over, the other answer has been
// given, or it is not that person's to give.
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
		return nil // a button pressed twice
	}
	return Failf(ScanSpent, "the code is not open to this person")
}

// Status says how far a code has come. It reads once and writes nothing.
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
	// Token becomes the session's token. It is the same whenever the same desktop
	// comes with the same ticket, so that every answer to a repeated request hands
	// out the one session, and only to that desktop.
	Token    Secret
	Replaces string // as in CollectScan
	Device   Device
}

// Collect signs the desktop in, once; the same desktop again gets the session
// that it has by then. ScanSpent when the code is not confirmed, or its time is
// over, or that session has ended; Blocked when the person is.
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
		AppID: s.rules.AppID, // until it is known by which account the phone was signed in
		// The history of logins outlives the scan and keeps a ticket from being
		// spent again, as it does a state and a code.
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

// collected looks for the session that the desktop has fetched before, and says
// why when there is none.
func (s *Scans) collected(ctx context.Context, tokenHash string, why error) error {
	visit, err := s.store.Visit(ctx, VisitorSession, tokenHash)
	if ReasonOf(err) == NotSignedIn || err == nil && !visit.Session.Alive(s.now(), s.rules.Idle) {
		return why
	}
	return err
}
