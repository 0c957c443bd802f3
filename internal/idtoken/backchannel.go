package idtoken

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wxlogin/internal/auth"
)

// Backchannel sends logout tokens to the clients that asked for them (OpenID Connect
// Back-Channel Logout 1.0). Notices wait in the database, so that one of several
// processes delivers each, and none is lost with a process.
type Backchannel struct {
	store   auth.OutboxStore
	keys    *Keys
	issuer  string
	timeout time.Duration
	now     func() time.Time
	log     *slog.Logger

	anywhere, nearby *http.Client // for https, and for http
}

const (
	workers = 4
	// round is how long one Deliver lasts: the next one sees notices that have been added
	// since, or that this one passed over.
	round = 5 * time.Second
	// noticeLease is how long no other worker takes a notice: longer than a call lasts.
	noticeLease = 30 * time.Second
	maxPause    = time.Hour
	maxAnswer   = 4 << 10
	// logoutTokenLifetime is the longest that the specification recommends.
	logoutTokenLifetime = 2 * time.Minute
	logoutToken         = "logout+jwt" // the type of token (Back-Channel Logout, 2.4)
)

// BackchannelConfig is what a Backchannel needs.
type BackchannelConfig struct {
	Store  auth.OutboxStore
	Keys   *Keys
	Issuer string // that signs the tokens
	Now    func() time.Time
	Log    *slog.Logger
}

// NewBackchannel makes a Backchannel.
func NewBackchannel(c BackchannelConfig) *Backchannel {
	return &Backchannel{
		store: c.Store, keys: c.Keys, issuer: c.Issuer, timeout: 5 * time.Second, now: c.Now, log: c.Log,
		anywhere: newClient(nil), nearby: newClient(onlyNearby),
	}
}

// newClient makes a client that follows no redirect and uses no proxy: the token is for
// one address.
func newClient(control func(network, address string, _ syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConns: workers, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// onlyNearby keeps unencrypted calls on this machine and in private networks. It checks
// the address that the host name resolved to.
func onlyNearby(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() && !at.Addr().Unmap().IsPrivate() {
		return fmt.Errorf("http leads to %s, which is no private address", address)
	}
	return nil
}

// Deliver sends the notices that are due, for one round. Each client has one worker at a
// time, so a client that answers slowly and has thousands of notices keeps no other client
// waiting. A client that cannot be reached is not called again in the same round.
func (b *Backchannel) Deliver(ctx context.Context) error {
	d := delivery{Backchannel: b, unreachable: make(map[string]bool)}
	ends := b.now().Add(round)
	errs := make(chan error, workers)
	for range workers {
		go func() {
			more, err := true, error(nil)
			for more && err == nil && b.now().Before(ends) {
				more, err = d.deliverOne(ctx)
			}
			errs <- err
		}()
	}
	var first error
	for range workers {
		first = cmp.Or(first, <-errs)
	}
	return first
}

// delivery is one round of Deliver.
type delivery struct {
	*Backchannel

	mu          sync.Mutex
	busy        []string        // ids of the clients that a worker is calling
	unreachable map[string]bool // ids of the clients that could not be reached
}

// next takes a notice for a client that no other worker is calling, if there is one.
func (d *delivery) next(ctx context.Context, now time.Time) (auth.Notice, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	notice, err := d.store.NextNotice(ctx, now, now.Add(noticeLease), d.busy...)
	if err == nil && notice.ClientID != "" {
		d.busy = append(d.busy, notice.ClientID)
	}
	return notice, err
}

// done lets other workers take the client's notices again.
func (d *delivery) done(clientID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = slices.DeleteFunc(d.busy, func(id string) bool { return id == clientID })
}

// notifyOnce calls a client, unless it could not be reached earlier in the round.
func (d *delivery) notifyOnce(ctx context.Context, client auth.Client, notice auth.Notice) error {
	d.mu.Lock()
	unreachable := d.unreachable[client.ID]
	d.mu.Unlock()
	if unreachable {
		return errUnreachable
	}
	err := d.notify(ctx, client, notice)
	if _, unreached := errors.AsType[*url.Error](err); unreached {
		d.mu.Lock()
		d.unreachable[client.ID] = true
		d.mu.Unlock()
	}
	return err
}

// deliverOne sends one notice, and says whether there was one.
func (d *delivery) deliverOne(ctx context.Context) (bool, error) {
	notice, err := d.next(ctx, d.now())
	if err != nil || notice.ClientID == "" {
		return false, err
	}
	defer d.done(notice.ClientID)
	client, err := d.store.ClientByID(ctx, notice.ClientID)
	if auth.ReasonOf(err) == auth.NoSuchClient || err == nil && client.Backchannel == "" {
		return true, d.store.DropNotice(ctx, notice)
	}
	if err != nil {
		return false, err
	}
	err = d.notifyOnce(ctx, client, notice)
	attrs := []any{"application", client.Name, "tries", notice.Tries, "error", err}
	switch {
	case err == nil:
		d.log.InfoContext(ctx, "logout notice delivered", attrs[:4]...)
		return true, d.store.DropNotice(ctx, notice)
	case ctx.Err() != nil:
		return false, ctx.Err()
	case d.now().Sub(notice.NotedAt) >= auth.NoticeLifetime:
		d.log.WarnContext(ctx, "logout notice dropped: its lifetime is over", attrs...)
		return true, d.store.DropNotice(ctx, notice)
	case errors.Is(err, errUnreachable): // the first failure was logged as a warning
		d.log.DebugContext(ctx, "logout notice not delivered; retrying", attrs...)
	default:
		d.log.WarnContext(ctx, "logout notice not delivered; retrying", attrs...)
	}
	return true, d.store.PutOffNotice(ctx, notice, d.now().Add(pauseAfter(notice.Tries)))
}

var errUnreachable = errors.New("it could not be reached a moment ago")

// pauseAfter is the pause before the next try. It grows from five seconds to an hour.
func pauseAfter(tries int) time.Duration {
	return min(5*time.Second<<min(max(tries-1, 0), 10), maxPause)
}

// notify sends a client a logout token.
func (b *Backchannel) notify(ctx context.Context, client auth.Client, notice auth.Notice) error {
	now := b.now()
	token, err := b.keys.Sign(ctx, client.Alg, logoutToken, map[string]any{
		"iss": b.issuer, "aud": client.ID, "iat": now.Unix(), "exp": now.Add(logoutTokenLifetime).Unix(), "jti": auth.NewID(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
		// Both: some clients accept a token with sub alone, and keep the session.
		"sub": notice.UserID, "sid": notice.SessionID,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	body := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, client.Backchannel, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	caller := b.anywhere
	if req.URL.Scheme != "https" {
		caller = b.nearby
	}
	res, err := caller.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // so that the connection can be used again
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answered %d", res.StatusCode) // the body may hold anything, and is not logged
	}
	return nil
}
