package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// Clients lists the applications that sign people in by OpenID Connect, by name.
func (s *Service) Clients(ctx context.Context) ([]auth.Client, error) { return s.store.Clients(ctx) }

// Client returns an application by its name. NoSuchClient when there is none.
func (s *Service) Client(ctx context.Context, name string) (auth.Client, error) {
	all, err := s.store.Clients(ctx)
	if err != nil {
		return auth.Client{}, err
	}
	i := slices.IndexFunc(all, func(c auth.Client) bool { return c.Name == name })
	if i < 0 {
		return auth.Client{}, auth.Failf(auth.NoSuchClient, "there is no client %q", name)
	}
	return all[i], nil
}

// AddClient adds an application and returns it with its secret, which is shown only once; a
// public one has none. BadClient when its settings are wrong or its name is taken.
func (s *Service) AddClient(ctx context.Context, by Actor, c auth.Client, public bool) (auth.Client, auth.Secret, error) {
	if err := by.admin(); err != nil {
		return auth.Client{}, "", err
	}
	if err := s.check(c); err != nil {
		return auth.Client{}, "", err
	}
	var secret auth.Secret
	if c.SecretHash = ""; !public {
		secret = auth.NewClientSecret()
		c.SecretHash = auth.Hash(secret)
	}
	c.ID, c.CreatedAt = auth.NewClientID(), s.now()
	return c, secret, s.store.AddClient(ctx, c, s.event(by, ActClientAdd, "", c.Name))
}

// EditClient changes an application, but not its id, its name and what people have agreed
// to. BadClient when its settings are wrong.
func (s *Service) EditClient(ctx context.Context, by Actor, c auth.Client) error {
	if err := by.admin(); err != nil {
		return err
	}
	if err := s.check(c); err != nil {
		return err
	}
	return s.store.EditClient(ctx, c, s.event(by, ActClientEdit, "", c.Name))
}

// check returns what is wrong with a client.
func (s *Service) check(c auth.Client) error {
	i := slices.IndexFunc(s.accounts, func(a auth.Account) bool { return a.Name == c.Account })
	switch {
	case i < 0:
		return auth.Failf(auth.BadClient, "there is no account %q", c.Account)
	case !s.accounts[i].SignsInPages():
		return auth.Failf(auth.BadClient, "the account %q is a mini program, which signs nobody in to a page", c.Account)
	}
	return c.Check()
}

// NewClientSecret gives an application a new secret. The old one stops working at once.
func (s *Service) NewClientSecret(ctx context.Context, by Actor, c auth.Client) (auth.Secret, error) {
	if err := by.admin(); err != nil {
		return "", err
	}
	secret := auth.NewClientSecret()
	c.SecretHash = auth.Hash(secret)
	return secret, s.store.EditClient(ctx, c, s.event(by, ActClientSecret, "", c.Name))
}

// RemoveClient removes an application with its consents and grants: its next request is
// refused.
func (s *Service) RemoveClient(ctx context.Context, by Actor, c auth.Client) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.RemoveClient(ctx, c.ID, s.event(by, ActClientRemove, "", c.Name))
}

// ClientUse is how much an application is used.
type ClientUse struct {
	People Total     // for whom it has a grant
	LastAt time.Time // of the latest login to it that is still stored; zero: none is
}

// Use returns how much each of the clients is used, in their order. The count of each is
// bounded; the more clients, the lower the bound.
func (s *Service) Use(ctx context.Context, clients []auth.Client) ([]ClientUse, error) {
	const most, least, together = 10_000, 1_000, 50_000
	among := max(least, min(most, together/max(1, len(clients))))
	all := make([]ClientUse, len(clients))
	for i, c := range clients {
		var err error
		if all[i], err = s.store.ClientUse(ctx, c.ID, among); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// AccessQuery asks for the people for whom an application has a grant.
type AccessQuery struct {
	ClientID string
	Cursor   string // from AccessPage; empty: the first page
	Limit    int    // 1 to MaxPage; 0: DefaultPage
}

// AccessPage is one page of such people, by their latest login to the application, newest
// first.
type AccessPage struct {
	People []Access
	Next   string // cursor of the page after; empty on the last one
	Prev   string // cursor of the page before; empty on the first one
}

// Access is an application's access to a person.
type Access struct {
	Client   auth.Client // without the hash of its secret
	User     auth.User
	Scopes   []string  // that the person has agreed to; empty: they were not asked
	AgreedAt time.Time // zero: they were not asked
	LastAt   time.Time // of the latest login to it that is still stored; zero: none is
	Offline  bool      // it has access even when the person is signed out

	Followers bool // WeChat is asked who follows the official accounts
}

// Tells returns the scopes that the application has at present: all that its settings
// allow, or, unless it is trusted, those of them that the person has agreed to. A scope
// that they agreed to but the settings no longer allow is left out.
func (a Access) Tells() []string {
	may := a.Client.AsksFor(a.Client.Scopes(strings.Join(auth.ClientScopes, " ")), a.Followers)
	if len(a.Scopes) == 0 || a.Client.Trusted {
		return may
	}
	return slices.DeleteFunc(may, func(scope string) bool { return !slices.Contains(a.Scopes, scope) })
}

// AccessOf lists the applications that have access to a person, by name.
func (s *Service) AccessOf(ctx context.Context, userID string) ([]Access, error) {
	all, err := s.store.AccessOf(ctx, userID)
	for i := range all {
		all[i].Followers = s.followers
	}
	return all, err
}

// AccessTo returns a page of the people for whom an application has a grant. BadRequest for
// a query that makes no sense.
func (s *Service) AccessTo(ctx context.Context, c auth.Client, q AccessQuery) (AccessPage, error) {
	q.ClientID, c.SecretHash = c.ID, ""
	page, err := s.store.AccessTo(ctx, q)
	for i := range page.People {
		page.People[i].Client, page.People[i].Followers = c, s.followers
	}
	return page, err
}

// EndAccess deletes an application's grants and consent of a person: its next request for
// them is refused, and they are asked again.
func (s *Service) EndAccess(ctx context.Context, by Actor, userID, clientID string) error {
	if err := by.adminOr(userID); err != nil {
		return err
	}
	return s.store.EndAccess(ctx, userID, clientID, s.event(by, ActEndAccess, userID, ""))
}

// JoinGroup puts a person into a group. person is a name as in PersonID.
func (s *Service) JoinGroup(ctx context.Context, by Actor, person, group string) (changed bool, err error) {
	return s.changeGroups(ctx, by, person, group, ActGroupAdd, func(groups []string) []string {
		groups = append(groups, group)
		slices.Sort(groups)
		return slices.Compact(groups)
	})
}

// LeaveGroup takes a person out of a group.
func (s *Service) LeaveGroup(ctx context.Context, by Actor, person, group string) (changed bool, err error) {
	return s.changeGroups(ctx, by, person, group, ActGroupRemove, func(groups []string) []string {
		return slices.DeleteFunc(groups, func(other string) bool { return other == group })
	})
}

func (s *Service) changeGroups(ctx context.Context, by Actor, person, group string, act Action, change func([]string) []string) (bool, error) {
	if err := by.admin(); err != nil {
		return false, err
	}
	if err := auth.CheckGroup(group); err != nil {
		return false, err
	}
	appID, name, err := s.openid(person)
	if err != nil {
		return false, err
	}
	return s.store.ChangeGroups(ctx, appID, name, change, s.event(by, act, person, group))
}
