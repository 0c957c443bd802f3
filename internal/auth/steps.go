package auth

import (
	"context"
	"time"
)

// What the logins of a page and of a mini program have in common.

// claim saves that a login has begun, and says whether it is the first with its state and
// its code. A login whose claim cannot be saved has ended.
func (s *Service) claim(ctx context.Context, login Login) (claimed bool, err error) {
	claimed, err = s.store.ClaimLogin(ctx, login)
	if err != nil {
		login.Outcome, login.Reason, login.FinishedAt = Failed, ReasonOf(err), s.now()
		s.observe(ctx, login)
		return false, err
	}
	s.arrived(ctx, claimed)
	return claimed, nil
}

// recognize looks the person up and sets them in login; the zero User for an unknown person.
// Blocked when the person is.
func (s *Service) recognize(ctx context.Context, login *Login, openID string) (User, error) {
	known, err := s.store.UserByOpenID(ctx, login.AppID, openID)
	if err != nil && KindOf(err) != NotFound {
		return User{}, err
	}
	login.UserID, login.IdentityID = known.ID, known.IdentityID
	if known.Blocked {
		return User{}, Failf(Blocked, "user %s", known.ID)
	}
	return known, nil
}

// newSave returns what a successful login writes, from WeChat's answer and what was known
// about the person before.
func (s *Service) newSave(login *Login, answer TokenAnswer, known User) SaveLogin {
	return SaveLogin{
		OpenID:  answer.OpenID,
		UnionID: answer.UnionID,
		Scope:   ScopeBase,
		Before:  known,
		Kin:     s.rules.Kin(login.AppID),
		Several: len(s.rules.all()) > 1,
	}
}

// save saves a login and begins its session. troubled is the step that failed without
// stopping the login, if any.
func (s *Service) save(ctx context.Context, login *Login, save SaveLogin, troubled Step) (*Visit, error) {
	if Changed(save.Before.UnionID, save.UnionID) {
		s.log.WarnContext(ctx, "unionid of an identity changed; no join made or undone", "user", save.Before.ID, "appid", save.Before.AppID)
	}
	at := s.now()
	save.Login = *login
	save.Login.Outcome, save.Login.FinishedAt, save.Login.Step = SignedIn, at, troubled
	login.Step = StepSave
	save.Session = Session{
		ID:         NewID(),
		TokenHash:  login.SessionHash,
		Kind:       VisitorSession,
		Scope:      login.Scope,
		CreatedAt:  at,
		LastSeenAt: at,
		EndsAt:     at.Add(s.rules.Lifetime),
		Device:     login.Device,
	}
	visit, err := s.store.SaveLogin(ctx, save)
	if err != nil {
		return nil, err
	}
	login.UserID, login.IdentityID, login.Step = visit.User.ID, visit.User.IdentityID, troubled
	s.followers.Want(visit.User)
	return visit, nil
}

// end saves and reports how a login ended: with a visit, with err, or with neither for an
// unknown person. The end of a successful login was saved with its session.
func (s *Service) end(ctx context.Context, login Login, visit *Visit, err error, requestID string) {
	login.Outcome, login.FinishedAt = SignedIn, s.now()
	switch {
	case err != nil:
		login.Outcome, login.Reason, login.Errcode, login.RequestID = Failed, ReasonOf(err), ErrcodeOf(err), requestID
	case visit == nil:
		login.Outcome = Unknown
	}
	if login.Outcome != SignedIn {
		s.finish(ctx, login)
	}
	s.observe(ctx, login)
}

// finish saves the end of a login that signs nobody in. The visitor's answer does not depend
// on it, so a failure is only logged. It gets a second beyond the login's budget, because
// that may be what ran out.
func (s *Service) finish(ctx context.Context, login Login) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.store.FinishLogin(ctx, login)
	if err != nil {
		s.log.WarnContext(ctx, "login outcome not saved", "login", login.ID, "outcome", login.Outcome, "error", err)
	}
}
