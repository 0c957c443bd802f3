package auth

import (
	"context"
	"time"
)

// repeatPoll is how often a repeated callback checks whether the first one has ended. It is
// short compared to a login, which takes a second, and long compared to a read.
const repeatPoll = 50 * time.Millisecond

// repeat answers an arrival whose state or code is spent: it waits for the first arrival to
// end and returns the same outcome. If the first one failed temporarily, before this one
// came, the person has reloaded the page to try again: CodeSpent, which restarts the login.
func (s *Service) repeat(ctx context.Context, login Login, linkTo *Visit) (*Visit, error) {
	ticker := time.NewTicker(repeatPoll)
	defer ticker.Stop()
	for waited := false; ; waited = true {
		first, err := s.store.LoginByState(ctx, login.StateHash)
		switch {
		case err != nil && ctx.Err() != nil:
			// The wait is over.
		case err != nil:
			return nil, err
		case first.ID == "":
			return nil, Failf(CodeSpent, "the code came with another state before")
		case first.Outcome == Pending && s.now().Sub(first.StartedAt) > 2*s.rules.Budget:
			return nil, Failf(CodeSpent, "the login that spent it was never finished")
		case first.Outcome == Failed && !waited && first.Reason.passes():
			return nil, Failf(CodeSpent, "login %s has failed: %s", first.ID, first.Reason)
		case first.Outcome != Pending:
			return s.landed(ctx, login, first, linkTo)
		}
		select {
		case <-ctx.Done():
			// A login takes no longer than this wait, so its process has died.
			return nil, Failf(CodeSpent, "the login that spent it has not ended: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (s *Service) landed(ctx context.Context, again, first Login, linkTo *Visit) (*Visit, error) {
	switch {
	case first.Outcome == Unknown:
		return nil, nil
	case first.Outcome == Failed:
		return nil, Failf(first.Reason, "repeated callback of login %s", first.ID)
	case linkTo != nil && first.UserID == linkTo.User.ID:
		return linkTo, nil
	case linkTo != nil:
		return nil, Failf(CodeSpent, "login %s has linked nothing to user %s", first.ID, linkTo.User.ID)
	}
	visit, err := s.store.Visit(ctx, VisitorSession, again.SessionHash)
	if err == nil && !visit.Session.Alive(s.now(), s.rules.Idle) {
		err = Fail(NotSignedIn, nil)
	}
	if ReasonOf(err) == NotSignedIn {
		return nil, Failf(CodeSpent, "the session of login %s has ended", first.ID)
	}
	if err != nil {
		return nil, err
	}
	return visit, nil
}
