package admin

import (
	"context"
	"slices"
	"time"

	"wxlogin/internal/auth"
)

// Identity is one of a person's, and how they came to have it.
type Identity struct {
	auth.Identity
	FirstLoginAt time.Time // by it
	LastLoginAt  time.Time // by it; of the first one zero, if that was before the history begins
	LoginCount   int64     // by it
	Linked       auth.Linked
	LinkedAt     time.Time  // zero for the first one
	LinkedBy     string     // the actor in the audit log; empty where that has nobody
	LinkedByName string     // what they are called now; empty for who has no nickname
	Token        *TokenInfo // nil: none is stored, or nobody has asked
}

// Join is that an identity came to a person who had another. The identity's id names it.
type Join struct {
	Identity
	Person auth.User // whose it is
	// Nickname is what whoever had it was called, if they were a person of their own.
	Nickname string
}

// Proposal is that two people have one unionid within one Open Platform account, so
// that they are one to WeChat.
type Proposal struct {
	Kept    auth.User // who came first
	Other   auth.User
	UnionID string
	NotedAt time.Time
}

// JoinQuery asks for proposals, or for joins, the latest first.
type JoinQuery struct {
	Cursor string // from a page; empty: the first page
	Limit  int    // 1 to MaxPage; 0: DefaultPage
}

// ProposalPage is one page of proposals.
type ProposalPage struct {
	Proposals  []Proposal
	Next, Prev string // cursors; empty where there is no page
}

// JoinPage is one page of joins.
type JoinPage struct {
	Joins      []Join
	Next, Prev string // cursors; empty where there is no page
}

// JoinStore is where people are joined, and parted again.
type JoinStore interface {
	// JoinPeople gives all that the other person has to the one who is kept, and keeps
	// what an undo needs. What applications hold of the other ends; who is kept is
	// blocked if either was. NoSuchUser when there is no such person, BadRequest when
	// they are one, LastAdmin as guard has it.
	JoinPeople(ctx context.Context, keptID, otherID string, guard *Guard, event Event) error
	// UndoJoin makes a person again of the identity that an id names, with what they had,
	// and ends its sessions and what applications hold by them. The event's subject
	// becomes the person who had it. NoSuchJoin when it is nobody's further identity, or
	// not that person's if one is given.
	UndoJoin(ctx context.Context, id, personID string, event Event) error
	// Dismiss notes that two people are two. It is no error if nobody has proposed them.
	Dismiss(ctx context.Context, keptID, otherID string, event Event) error
	// ProposalPage lists those that nobody has answered yet. BadRequest for a query that
	// makes no sense.
	ProposalPage(context.Context, JoinQuery) (ProposalPage, error)
	// JoinPage lists joins. BadRequest for a query that makes no sense.
	JoinPage(context.Context, JoinQuery) (JoinPage, error)
	// AnyProposals says whether there is one that nobody has answered yet.
	AnyProposals(context.Context) (bool, error)
	// FindProposals proposes all who have one unionid in the accounts of one Open Platform
	// account and are two people, unless that has been dismissed: once a day for each set
	// of AppIDs, however often it is called. It returns how many pairs are new.
	FindProposals(ctx context.Context, groups [][]string, at time.Time) (int64, error)
	// Identities lists a person's, the first one first, with their tokens.
	Identities(ctx context.Context, userID string) ([]Identity, error)
	// PersonID is the id of a person whom a text names by it, by the id that they had
	// before they were joined, or by an openid of the account. NoSuchUser when it names
	// nobody.
	PersonID(ctx context.Context, appID, name string) (string, error)
}

// Join makes one person of two. The one who is kept keeps their id; whoever knows the
// other by theirs meets somebody new. An admin by their own login has to have signed in
// a moment ago, as it may make an admin of somebody.
func (s *Service) Join(ctx context.Context, by Actor, keptID, otherID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	return s.store.JoinPeople(ctx, keptID, otherID, s.guard(by), s.event(by, ActJoin, keptID, otherID))
}

// PersonID is the id of a person, by it, by an openid of the account main, or by
// account:openid.
func (s *Service) PersonID(ctx context.Context, name string) (string, error) {
	appID, openID, err := s.openid(name)
	if err != nil {
		return "", err
	}
	return s.store.PersonID(ctx, appID, openID)
}

// UndoJoin takes it back: who was joined is a person of their own again.
func (s *Service) UndoJoin(ctx context.Context, by Actor, joinID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.fresh(by); err != nil {
		return err
	}
	return s.store.UndoJoin(ctx, joinID, "", s.event(by, ActUndoJoin, "", joinID))
}

// Unlink lets a person part from an identity that they have linked themselves. Whom
// WeChat names one person, and whom an admin has joined, only an admin parts.
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

// Dismiss says that two people who are proposed are two.
func (s *Service) Dismiss(ctx context.Context, by Actor, keptID, otherID string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.Dismiss(ctx, keptID, otherID, s.event(by, ActDismiss, keptID, otherID))
}

// Proposals lists the people who may be one, the latest first.
func (s *Service) Proposals(ctx context.Context, q JoinQuery) (ProposalPage, error) {
	return s.store.ProposalPage(ctx, q)
}

// AnyProposals says whether there are people who may be one.
func (s *Service) AnyProposals(ctx context.Context) (bool, error) {
	return s.store.AnyProposals(ctx)
}

// FindProposals proposes people who had come before their accounts were said to be of
// one Open Platform account. It returns how many pairs are new.
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

// Joins lists what has been joined, the latest first.
func (s *Service) Joins(ctx context.Context, q JoinQuery) (JoinPage, error) {
	return s.store.JoinPage(ctx, q)
}

// Identities lists a person's, the first one first.
func (s *Service) Identities(ctx context.Context, userID string) ([]Identity, error) {
	return s.store.Identities(ctx, userID)
}
