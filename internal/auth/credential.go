package auth

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Issued is something that WeChat gives an account for a while: its access token, or
// the ticket that signs pages.
type Issued struct {
	Value    Secret
	Lifetime time.Duration // as of WeChat's answer
}

// CredentialKind tells the two apart.
type CredentialKind string

// The kinds.
const (
	AccessToken CredentialKind = "token"
	JSTicket    CredentialKind = "ticket"
)

// Credential is what an account has been issued, as it is kept.
type Credential struct {
	AppID  string
	Kind   CredentialKind
	Value  Secret // empty: there is none, or our keys do not open it
	EndsAt time.Time

	ForcedAt    time.Time // of the last forced refresh; zero: none
	ForcedCount int       // of those on that day

	Failure Reason    // why the last question was not answered well; empty: it was
	Errcode int64     // WeChat's number for that
	From    string    // this server's address as WeChat saw it, which it tells with 40164
	RetryAt time.Time // not to be asked before; zero: it may be
}

// CredentialStore is where they are kept, sealed, for all processes. Errors are
// StoreDown.
type CredentialStore interface {
	// Credential reads one; with an empty Value when there is none.
	Credential(ctx context.Context, appID string, kind CredentialKind) (Credential, error)
	// SaveCredential writes all of one.
	SaveCredential(ctx context.Context, c Credential) error
	// TakeLease as in RefreshStore.
	TakeLease(ctx context.Context, job, owner string, now, ends time.Time) (bool, error)
}

// failed is the error of a question that was not answered well and is not asked again yet.
func (c Credential) failed() error { return Fail(c.Failure, credentialFailure{c}) }

// credentialFailure is in the chain of an error about a credential that WeChat does not
// give, if it was asked a moment ago, by whichever process.
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

// WeChatSaw implements what SeenFrom looks for: this server's address as WeChat saw it, empty if it did not tell.
func (f credentialFailure) WeChatSaw() string { return f.From }

// note writes down a failure, and when to ask again: what nothing helps but the operator
// is not asked as often as what passes by itself.
func (c *Credential) note(err error, now time.Time) {
	c.Failure, c.Errcode, c.From = ReasonOf(err), ErrcodeOf(err), SeenFrom(err)
	wait := 5 * time.Second
	if c.Failure.kind() == Misconfigured || c.Errcode == 45009 {
		wait = 30 * time.Second
	}
	c.RetryAt = now.Add(wait)
}

// JSSignature signs a page for wx.config of the JS-SDK (official): the fragment does not
// count.
func JSSignature(ticket Secret, nonce string, at time.Time, page string) string {
	page, _, _ = strings.Cut(page, "#")
	sum := sha1.Sum([]byte("jsapi_ticket=" + string(ticket) + "&noncestr=" + nonce +
		"&timestamp=" + strconv.FormatInt(at.Unix(), 10) + "&url=" + page))
	return hex.EncodeToString(sum[:])
}

// BackendKey lets another program of the operator's read an account's access token.
type BackendKey struct {
	Name string
	Key  Secret
}
