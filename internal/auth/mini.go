package auth

import (
	"context"
	"strings"
)

// MiniProvider is what the login of a mini program needs from WeChat.
type MiniProvider interface {
	// CodeToSession spends a code of wx.login, once, whatever happens. It returns OpenID
	// and UnionID alone: the session_key, which decrypts WeChat's data for the mini program,
	// is dropped.
	CodeToSession(ctx context.Context, code string) (TokenAnswer, error)
}

// MiniArrival is a mini program that has called wx.login.
type MiniArrival struct {
	Account Account
	Code    string
	Token   Secret // of the session that begins; see NewMiniToken
	Device  Device
	// SameDevice says whether a session was begun on the same device: the new session
	// replaces it, if it is of the same identity.
	SameDevice func(Device) bool
	RequestID  string
}

// miniToken is the prefix of the token of a mini program's session. Tokens in cookies do not
// have it, and the stored hash is that of the whole token, so neither can be turned into
// the other.
const miniToken = "mini_"

// NewMiniToken makes the token of a mini program's session.
func NewMiniToken() Secret { return miniToken + NewToken() }

// IsMiniToken says whether a text looks like one of NewMiniToken.
func IsMiniToken(s string) bool {
	return len(s) == len(miniToken)+TokenLength && strings.HasPrefix(s, miniToken)
}

// SignInMini spends the code of wx.login, once, and signs the person in. The same code
// again, at the same time or later, in this process or another, is CodeSpent: a mini
// program gets a new one without asking the person. isNew says that this is the person's
// first login.
//
// It finishes even if the mini program disconnects: the code is spent by then.
func (s *Service) SignInMini(ctx context.Context, a MiniArrival) (visit *Visit, isNew bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.rules.Budget)
	defer cancel()
	provider := s.minis[a.Account.Name]
	if provider == nil {
		return nil, false, Failf(NoSuchAccount, "account %q is no mini program", a.Account.Name)
	}
	// A code belongs to one mini program (official): sent to another, it is not spent.
	spent := Hash(a.Account.AppID + "\n" + a.Code)
	login := Login{
		ID:          NewID(),
		AppID:       a.Account.AppID,
		StateHash:   spent,
		CodeHash:    spent,
		SessionHash: Hash(a.Token),
		Scope:       ScopeMini,
		Outcome:     Pending,
		StartedAt:   s.now(),
		Device:      a.Device,
	}
	claimed, err := s.claim(ctx, login)
	if err != nil {
		return nil, false, err
	}
	if !claimed {
		return nil, false, Failf(CodeSpent, "the code came before")
	}
	visit, err = s.completeMini(ctx, provider, &login, a)
	s.end(ctx, login, visit, err, a.RequestID)
	return visit, err == nil && visit.User.FirstLoginAt.Equal(visit.Session.CreatedAt), err
}

// completeMini spends the code and signs the person in, as completeLogin does.
func (s *Service) completeMini(ctx context.Context, provider MiniProvider, login *Login, a MiniArrival) (*Visit, error) {
	login.Step = StepCode
	answer, err := provider.CodeToSession(ctx, a.Code)
	if err != nil {
		return nil, err
	}
	login.Step = StepPerson
	known, err := s.recognize(ctx, login, answer.OpenID)
	if err != nil {
		return nil, err
	}
	save := s.newSave(login, answer, known)
	save.SameDevice = a.SameDevice
	return s.save(ctx, login, save, "")
}
