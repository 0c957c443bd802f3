package idtoken

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"wxlogin/internal/auth"
)

// Backchannel brings logout tokens to the clients that asked for them (OpenID Connect
// Back-Channel Logout 1.0). What is to be brought waits in the database, so that one
// of several processes brings it, and none is lost with a process.
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
	couriers = 4
	// taken is how long a notice is nobody else's: longer than a call takes.
	taken     = 30 * time.Second
	maxPause  = time.Hour
	maxAnswer = 4 << 10
	// logoutTokenLifetime is what the specification recommends at most.
	logoutTokenLifetime = 2 * time.Minute
)

// NewBackchannel makes a Backchannel that speaks for an issuer.
func NewBackchannel(store auth.OutboxStore, keys *Keys, issuer string, now func() time.Time, log *slog.Logger) *Backchannel {
	return &Backchannel{
		store: store, keys: keys, issuer: issuer, timeout: 5 * time.Second, now: now, log: log,
		anywhere: newClient(nil), nearby: newClient(onlyNearby),
	}
}

// newClient follows no redirect, and asks no proxy: the token is for one address.
func newClient(control func(network, address string, _ syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConns: couriers, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// onlyNearby keeps what is not encrypted on this machine and in private networks. It
// sees the address that a name has led to.
func onlyNearby(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() && !at.Addr().Unmap().IsPrivate() {
		return fmt.Errorf("http leads to %s, which is no private address", address)
	}
	return nil
}

// Deliver brings all that is due. A client that cannot be reached is not called again
// in the same round: each call waits for seconds, and others are waiting behind.
func (b *Backchannel) Deliver(ctx context.Context) error {
	errs := make(chan error, couriers)
	var all sync.WaitGroup
	var silent sync.Map // the ids of clients that could not be reached
	for range couriers {
		all.Go(func() {
			for {
				more, err := b.one(ctx, &silent)
				if err != nil || !more {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// one brings one notice, and says whether there was one.
func (b *Backchannel) one(ctx context.Context, silent *sync.Map) (bool, error) {
	now := b.now()
	notice, err := b.store.NextNotice(ctx, now, now.Add(taken))
	if err != nil || notice.ClientID == "" {
		return false, err
	}
	client, err := b.store.ClientByID(ctx, notice.ClientID)
	if auth.ReasonOf(err) == auth.NoSuchClient || err == nil && client.Backchannel == "" {
		return true, b.store.DropNotice(ctx, notice)
	}
	if err != nil {
		return false, err
	}
	if _, known := silent.Load(client.ID); known {
		err = errSilent
	} else {
		err = b.tell(ctx, client, notice)
	}
	if _, unreached := errors.AsType[*url.Error](err); unreached {
		silent.Store(client.ID, true)
	}
	switch {
	case err == nil:
		b.log.InfoContext(ctx, "an application was told of a logout", "application", client.Name, "tries", notice.Tries)
		return true, b.store.DropNotice(ctx, notice)
	case ctx.Err() != nil:
		return false, ctx.Err()
	case b.now().Sub(notice.NotedAt) >= auth.NoticeLifetime:
		b.log.WarnContext(ctx, "an application could not be told of a logout, and will not be", "application", client.Name, "tries", notice.Tries, "error", err)
		return true, b.store.DropNotice(ctx, notice)
	}
	b.log.WarnContext(ctx, "an application could not be told of a logout yet", "application", client.Name, "tries", notice.Tries, "error", err)
	return true, b.store.PutOffNotice(ctx, notice, b.now().Add(pauseAfter(notice.Tries)))
}

var errSilent = errors.New("it could not be reached a moment ago")

// pauseAfter grows from five seconds to an hour.
func pauseAfter(tries int) time.Duration {
	return min(5*time.Second<<min(max(tries-1, 0), 10), maxPause)
}

// tell calls a client.
func (b *Backchannel) tell(ctx context.Context, client auth.Client, notice auth.Notice) error {
	now := b.now()
	token, err := b.keys.Sign(ctx, client.Alg, LogoutToken, map[string]any{
		"iss": b.issuer, "aud": client.ID, "iat": now.Unix(), "exp": now.Add(logoutTokenLifetime).Unix(), "jti": auth.NewID(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
		// Both: some take a token with sub alone, and keep the session.
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
		return fmt.Errorf("it answered %d", res.StatusCode) // its words are not ours to log
	}
	return nil
}
