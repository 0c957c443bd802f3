package demo

import (
	"context"
	"math/rand/v2"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// doors lets some people sign in by other accounts as well. Most are recognized as one
// person by their unionid, as is usual. Of two pairs WeChat gave the unionid too late: one
// waits for an admin to decide, and the other is joined in the end.
func (s *seeder) doors(people []*seeded, h *store.History) {
	all := s.rand
	s.rand = rand.New(rand.NewPCG(20261122, 2)) // of its own, so that the people made up stay the same
	defer func() { s.rand = all }()
	for i, p := range people[2:] {
		days := int(s.now.Sub(p.joined).Hours() / 24)
		for _, door := range []struct {
			kind  auth.AccountKind
			scope auth.Scope
			every int
		}{{auth.WebsiteAccount, auth.ScopeLogin, 7}, {auth.MiniProgram, auth.ScopeMini, 5}} {
			account := s.account(door.kind)
			if account.Name == "" || p.unionID == "" || i%door.every != 0 || days < 3 {
				continue
			}
			openID := "oDEMO" + s.letters(23)
			for range 1 + s.rand.IntN(6) {
				at := s.moment(s.rand.IntN(days - 1))
				if at.After(p.joined) {
					h.Logins = append(h.Logins, s.by(account, openID, s.login(p, at, door.scope), p))
				}
			}
		}
	}
	website := s.account(auth.WebsiteAccount)
	if website.Name == "" {
		return
	}
	for _, ago := range []int{6, 33} { // until a few days ago only the website's logins of these had a unionid
		p := s.person()
		p.unionID, p.consents, p.joined = "uDEMO"+s.letters(23), true, s.moment(ago+30)
		pc := *p
		pc.openID = "oDEMO" + s.letters(23)
		silent := s.login(p, p.joined, auth.ScopeBase)
		silent.UnionID = ""
		h.Logins = append(h.Logins, silent, s.by(website, pc.openID, s.login(&pc, s.moment(ago+10), auth.ScopeLogin), &pc))
		last := s.login(p, s.now.AddDate(0, 0, -ago), auth.ScopeUserinfo)
		h.Logins = append(h.Logins, s.by(s.account(auth.OfficialAccount), p.openID, last, p))
		s.joined = []*seeded{p, &pc}
	}
}

// account returns the first account of a kind, or the zero Account if there is none.
func (s *seeder) account(kind auth.AccountKind) auth.Account {
	for _, account := range s.rules.Accounts {
		if account.Kind == kind {
			return account
		}
	}
	return auth.Account{}
}

// by turns a login into one by an account.
func (s *seeder) by(account auth.Account, openID string, save auth.SaveLogin, p *seeded) auth.SaveLogin {
	save.Login.AppID, save.OpenID, save.Kin, save.Several = account.AppID, openID, s.rules.Kin(account.AppID), true
	if save.Login.Scope == auth.ScopeLogin {
		save.Scope, save.Profile, save.RefreshToken = auth.ScopeUserinfo, &p.profile, "demonstration"
		save.Session.Device, save.Login.Device = p.desktop, p.desktop
	}
	return save
}

// join joins the pair about which an admin has decided.
func (s *seeder) join(ctx context.Context, db *store.Store) error {
	if s.joined == nil {
		return nil
	}
	kept, err := db.UserByOpenID(ctx, s.appID, s.joined[0].openID)
	if err != nil {
		return err
	}
	other, err := db.UserByOpenID(ctx, s.account(auth.WebsiteAccount).AppID, s.joined[1].openID)
	if err != nil {
		return err
	}
	actor, err := db.UserByOpenID(ctx, s.appID, s.admins[0])
	if err != nil {
		return err
	}
	return db.JoinPeople(ctx, kept.ID, other.ID, nil, s.event(actor.ID, admin.ActJoin, kept.ID, other.ID, s.now.Add(-5*time.Minute)))
}
