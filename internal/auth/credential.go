package auth

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Issued is a credential that WeChat has just issued to an account: its access token, or
// the ticket that signs pages.
type Issued struct {
	Value    Secret
	Lifetime time.Duration // as of WeChat's answer
}

// CredentialKind tells access tokens and tickets apart.
type CredentialKind string

// The kinds.
const (
	AccessToken CredentialKind = "token"
	JSTicket    CredentialKind = "ticket"
)

// Credential is what an account was issued, as it is stored.
type Credential struct {
	AppID  string
	Kind   CredentialKind
	Value  Secret // empty: none is stored, or our keys do not open it
	EndsAt time.Time

	ForcedAt    time.Time // of the last forced refresh; zero: none
	ForcedCount int       // forced refreshes on that day

	Failure Reason    // why the last request failed; empty: it succeeded
	Errcode int64     // WeChat's number for that failure
	From    string    // this server's address as WeChat saw it, which comes with 40164
	RetryAt time.Time // WeChat is not asked before; zero: it may be asked now
}

// CredentialStore stores credentials, sealed, for all processes. Errors are StoreDown.
type CredentialStore interface {
	// Credential reads one. Its Value is empty when none is stored.
	Credential(ctx context.Context, appID string, kind CredentialKind) (Credential, error)
	// SaveCredential writes all fields of one.
	SaveCredential(ctx context.Context, c Credential) error
	// TakeLease as in RefreshStore.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
}

// failed is the error of a request that failed a moment ago and is not repeated yet.
func (c Credential) failed() error { return Fail(c.Failure, credentialFailure{c}) }

// credentialFailure is the cause of an error about a credential that WeChat refused a
// moment ago, to whichever process.
type credentialFailure struct{ Credential }

func (f credentialFailure) Error() string {
	text := string(f.Kind) + ": WeChat was asked a moment ago and did not give one"
	if f.Errcode != 0 {
		text += " (errcode " + strconv.FormatInt(f.Errcode, 10) + ")"
	}
	return text
}

// WeChatErrcode implements what ErrcodeOf looks for.
func (f credentialFailure) WeChatErrcode() int64 { return f.Errcode }

// WeChatSaw implements what SeenFrom looks for: this server's address as WeChat saw it;
// empty if WeChat did not say.
func (f credentialFailure) WeChatSaw() string { return f.From }

// note records a failure and when to retry: later if only the operator can fix it, sooner if
// it passes by itself.
func (c *Credential) note(err error, now time.Time) {
	c.Failure, c.Errcode, c.From = ReasonOf(err), ErrcodeOf(err), SeenFrom(err)
	wait := 5 * time.Second
	if c.Failure.kind() == Misconfigured || c.Errcode == 45009 {
		wait = 30 * time.Second
	}
	c.RetryAt = now.Add(wait)
}

// JSSignature signs a page's address for wx.config of the JS-SDK, without the fragment
// (official).
func JSSignature(ticket Secret, nonce string, at time.Time, page string) string {
	page, _, _ = strings.Cut(page, "#")
	sum := sha1.Sum([]byte("jsapi_ticket=" + string(ticket) + "&noncestr=" + nonce +
		"&timestamp=" + strconv.FormatInt(at.Unix(), 10) + "&url=" + page))
	return hex.EncodeToString(sum[:])
}

// BackendKey lets another of the operator's programs read an account's access token.
type BackendKey struct {
	Name string
	Key  Secret
}
