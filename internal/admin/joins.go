package admin

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// Identity is one of a person's identities, and how they got it.
type Identity struct {
	auth.Identity
	FirstLoginAt time.Time // with it
	LastLoginAt  time.Time // with it; for the first one zero, if that was before the history begins
	LoginCount   int64     // with it
	Linked       auth.Linked
	LinkedAt     time.Time  // zero for the first one
	LinkedBy     string     // the actor in the audit log; empty if there is none
	LinkedByName string     // the actor's current nickname; may be empty
	Token        *TokenInfo // nil: none is stored, or it was not read
}

// Join is a further identity that came to a person. The identity's id names the join.
type Join struct {
	Identity
	Person auth.User // who has it
	// Nickname is that of the person who had it before, if it had a person of its own.
	Nickname string
}

// Proposal is a proposed join of two people: they have the same unionid within one Open
// Platform account, so WeChat takes them for one.
type Proposal struct {
	Kept    auth.User // who came first
	Other   auth.User
	UnionID string
	NotedAt time.Time
}

// JoinQuery asks for proposals or joins, the latest first.
type JoinQuery struct {
	Cursor string // from a page; empty: the first page
	Limit  int    // 1 to MaxPage; 0: DefaultPage
}

// ProposalPage is one page of proposals.
type ProposalPage struct {
	Proposals  []Proposal
	Next, Prev string // cursors; empty when there is no such page
}

// JoinPage is one page of joins.
type JoinPage struct {
	Joins      []Join
	Next, Prev string // cursors; empty when there is no such page
}

// JoinStore joins people, and undoes joins.
type JoinStore interface {
	// JoinPeople moves everything from the other person to the one who is kept, and saves
	// what an undo needs. Applications' grants of the other person end; the one who is kept
	// is blocked if either was. NoSuchUser when there is no such person, BadRequest when
	// both are the same, LastAdmin as in Guard.
	JoinPeople(ctx context.Context, keptID, otherID string, guard *Guard, event Event) error
	// UndoJoin makes the identity with an id a person again, with what they had, and ends
	// the identity's sessions and applications' grants through these. The event's subject
	// becomes the person who had the identity. NoSuchJoin when it is nobody's further
	// identity, or not that of personID, unless that is empty.
	UndoJoin(ctx context.Context, id, personID string, event Event) error
	// Dismiss saves that two people are not one. It is no error if that was not proposed.
	Dismiss(ctx context.Context, keptID, otherID string, event Event) error
	// ProposalPage lists open proposals. BadRequest for a query that makes no sense.
	ProposalPage(context.Context, JoinQuery) (ProposalPage, error)
	// JoinPage lists joins. BadRequest for a query that makes no sense.
	JoinPage(context.Context, JoinQuery) (JoinPage, error)
	// AnyProposals says whether there is an open proposal.
	AnyProposals(context.Context) (bool, error)
	// FindProposals proposes all pairs of people who have the same unionid in the accounts
	// of one Open Platform account, unless that was dismissed. It searches once a day for
	// each set of AppIDs, however often it is called, and returns how many pairs are new.
	FindProposals(ctx context.Context, groups [][]string, at time.Time) (int64, error)
	// Identities lists a person's identities, the first one first, with their tokens.
	Identities(ctx context.Context, userID string) ([]Identity, error)
	// PersonID returns the id of the person whom name denotes: by their id, by an id that
	// they had before a join, or by an openid of the account. NoSuchUser when there is
	// none.
	PersonID(ctx context.Context, appID, name string) (string, error)
}

// Join makes one person of two. The one who is kept keeps their id; to applications, the
// other becomes a different person. An admin who acts by their own login has to have signed
// in recently, because a join can make a person an admin.
func (s *Service) Join(ctx context.Context, by Actor, keptID, otherID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	return s.store.JoinPeople(ctx, keptID, otherID, s.guard(by), s.event(by, ActJoin, keptID, otherID))
}

// PersonID returns the id of a person, given by that id, by an openid of the account main,
// or by account:openid.
func (s *Service) PersonID(ctx context.Context, name string) (string, error) {
	appID, openID, err := s.openid(name)
	if err != nil {
		return "", err
	}
	return s.store.PersonID(ctx, appID, openID)
}

// UndoJoin undoes a join: whoever was joined is a person of their own again.
func (s *Service) UndoJoin(ctx context.Context, by Actor, joinID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	return s.store.UndoJoin(ctx, joinID, "", s.event(by, ActUndoJoin, "", joinID))
}

// Unlink lets a person remove an identity that they have linked themselves. Joins by unionid
// or by an admin can be undone by an admin only.
func (s *Service) Unlink(ctx context.Context, by Actor, userID, identityID string) error {
	if err := by.adminOr(userID); err != nil {
		return err
	}
	all, err := s.store.Identities(ctx, userID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(i Identity) bool { return i.ID == identityID && i.Linked == auth.LinkedByPerson }) {
		return auth.Failf(auth.NoSuchJoin, "user %s has not linked %q", userID, identityID)
	}
	return s.store.UndoJoin(ctx, identityID, userID, s.event(by, ActUnlink, userID, identityID))
}

// Dismiss rejects a proposed join.
func (s *Service) Dismiss(ctx context.Context, by Actor, keptID, otherID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.Dismiss(ctx, keptID, otherID, s.event(by, ActDismiss, keptID, otherID))
}

// Proposals lists the open proposals, the latest first.
func (s *Service) Proposals(ctx context.Context, q JoinQuery) (ProposalPage, error) {
	return s.store.ProposalPage(ctx, q)
}

// AnyProposals says whether there are open proposals.
func (s *Service) AnyProposals(ctx context.Context) (bool, error) {
	return s.store.AnyProposals(ctx)
}

// FindProposals proposes joins of people who came before the settings put their accounts
// into one Open Platform account. It returns how many pairs are new.
func (s *Service) FindProposals(ctx context.Context) (int64, error) {
	byGroup := make(map[string][]string)
	for _, account := range s.accounts {
		if account.Group != "" {
			byGroup[account.Group] = append(byGroup[account.Group], account.AppID)
		}
	}
	var groups [][]string
	for _, appIDs := range byGroup {
		if len(appIDs) > 1 {
			groups = append(groups, appIDs)
		}
	}
	return s.store.FindProposals(ctx, groups, s.now())
}

// Joins lists the joins, the latest first.
func (s *Service) Joins(ctx context.Context, q JoinQuery) (JoinPage, error) {
	return s.store.JoinPage(ctx, q)
}

// Identities lists a person's identities, the first one first.
func (s *Service) Identities(ctx context.Context, userID string) ([]Identity, error) {
	return s.store.Identities(ctx, userID)
}
