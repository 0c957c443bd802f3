package auth

import (
	"context"
	"strings"
)

// MiniProvider is what the login of a mini program needs of WeChat.
type MiniProvider interface {
	// CodeToSession spends a code of wx.login, once, whatever happens. OpenID and UnionID
	// are all that it tells: the session_key, which opens what WeChat has encrypted for
	// the mini program, is dropped.
	CodeToSession(ctx context.Context, code string) (TokenAnswer, error)
}

// MiniArrival is a mini program that has called wx.login.
type MiniArrival struct {
	Account Account
	Code    string
	Token   Secret // becomes the session's; see NewMiniToken
	Device  Device
	// SameDevice says whether a session of the same identity was begun by a device of the
	// same name: this one takes its place.
	SameDevice func(Device) bool
	RequestID  string
}

// miniToken begins the token of a mini program's session. What a cookie holds does not
// begin so, and the hash that is kept is that of the whole: neither can be made of the
// other.
const miniToken = "mini_"

// NewMiniToken makes the token of a mini program's session.
func NewMiniToken() Secret { return miniToken + NewToken() }

// IsMiniToken says whether a text looks like one of NewMiniToken.
func IsMiniToken(s string) bool {
	return len(s) == len(miniToken)+TokenLength && strings.HasPrefix(s, miniToken)
}

// SignInMini spends the code of wx.login, once, and writes down who came. The same code
// again, at the same time or later, in this process or another, is CodeSpent: a mini
// program gets another one without a screen. isNew says that nobody has seen the person
// before.
//
// It goes on when the mini program goes away: the code is spent by then.
func (s *Service) SignInMini(ctx context.Context, a MiniArrival) (visit *Visit, isNew bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.rules.Budget)
	defer cancel()
	provider := s.minis[a.Account.Name]
	if provider == nil {
		return nil, false, Failf(NoSuchAccount, "account %q is no mini program", a.Account.Name)
	}
	// A code is one mini program's (official): sent to another, it is not spent.
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
