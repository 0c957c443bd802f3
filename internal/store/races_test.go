package store_test

import (
	"fmt"
	"sync/atomic"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// What writers do to one another when several write at once. Where one writes at
// a time these hold of themselves.
var racePromises = map[string]func(*world){
	"erasing a person among their logins leaves no trace of them": eraseAmongLogins,
	"blocking a person among their logins leaves no session":      blockAmongLogins,
	"each profile that is due is picked by one":                   dueOnce,
	"admins who lock one another out leave one":                   lockOneAnotherOut,
	"a scan is collected, or its person blocked":                  collectAmongBlocks,
}

func eraseAmongLogins(w *world) {
	two := w.another()
	for round := range 10 {
		user, _ := w.visitor("o1")
		together(6, func(i int) {
			save := w.login("o1", auth.ScopeBase)
			switch i {
			case 0:
				if err := two.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
					w.t.Error(err)
				}
			case 1, 2: // logins of theirs that fail
				claim := pending(save)
				if claimed, err := w.ClaimLogin(w.ctx, claim); err != nil || !claimed {
					w.t.Errorf("%v, %v", claimed, err)
				}
				claim.Outcome, claim.Reason, claim.UserID, claim.FinishedAt = auth.Failed, auth.Blocked, user.ID, w.clock.now()
				if err := w.FinishLogin(w.ctx, claim); err != nil {
					w.t.Error(err)
				}
			default:
				if claimed, err := w.ClaimLogin(w.ctx, pending(save)); err != nil || !claimed {
					w.t.Errorf("%v, %v", claimed, err)
				}
				if _, err := w.SaveLogin(w.ctx, save); err != nil {
					w.t.Error(err)
				}
			}
		})
		// Signed in and nobody: the login was the erased person's, so it has no address.
		if n := w.number("SELECT COUNT(*) FROM logins WHERE outcome = 'signed_in' AND user_id IS NULL AND remote_addr <> ''"); n != 0 {
			w.t.Fatalf("round %d: %d logins of the erased person keep their address", round, n)
		}
		w.exec("DELETE FROM logins")
		w.exec("DELETE FROM users")
	}
}

func blockAmongLogins(w *world) {
	two := w.another()
	for range 10 {
		user, _ := w.visitor("o1")
		together(6, func(i int) {
			if i == 0 {
				if err := two.SetBlocked(w.ctx, user.ID, true, nil, w.event(admin.ActBlock, user.ID)); err != nil {
					w.t.Error(err)
				}
				return
			}
			if _, err := w.SaveLogin(w.ctx, w.login("o1", auth.ScopeBase)); err != nil {
				wantReason(w.t, err, auth.Blocked)
			}
		})
		w.wantRows("sessions", 0)
		if err := w.SetBlocked(w.ctx, user.ID, false, nil, w.event(admin.ActUnblock, user.ID)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func lockOneAnotherOut(w *world) {
	two := w.another()
	const people = 4
	for name, act := range map[string]func(admins *admin.Service, by admin.Actor, user auth.User) error{
		"block": func(admins *admin.Service, by admin.Actor, user auth.User) error {
			return admins.Block(w.ctx, by.Confirming(user.ID), user.ID, "")
		},
		"revoke": func(admins *admin.Service, by admin.Actor, user auth.User) error {
			_, err := admins.Revoke(w.ctx, by.Confirming(user.OpenID[len(user.OpenID)-admin.ConfirmChars:]), user.OpenID)
			return err
		},
		"erase": func(admins *admin.Service, by admin.Actor, user auth.User) error {
			return admins.Erase(w.ctx, by.Confirming(user.ID), user.ID)
		},
	} {
		for round, victim := range map[int]int{0: 0, 1: 1, 2: 1, 3: 0, 4: 1, 5: 1} { // themselves, or the next
			var services [people]*admin.Service
			var by [people]admin.Actor
			var users [people]auth.User
			for i := range people {
				s := w.Store
				if i%2 == 1 {
					s = two
				}
				services[i] = admin.New(admin.Config{Store: s, AppID: appID, Now: w.clock.now})
				openID := fmt.Sprintf("oAdmin%06d", i)
				user, token := w.visitor(openID)
				must(w.GrantAdmin(w.ctx, appID, openID, w.event(admin.ActGrant, openID)))(w.t)
				visit := must(s.Visit(w.ctx, auth.VisitorSession, token))(w.t)
				users[i], by[i] = user, must(services[i].Enter(visit))(w.t)
			}
			var done, refused atomic.Int64
			together(people, func(i int) {
				err := act(services[i], by[i], users[(i+victim)%people])
				switch auth.ReasonOf(err) {
				case "":
					done.Add(1)
				case auth.LastAdmin:
					refused.Add(1)
				default:
					w.t.Errorf("%s: %v", name, err)
				}
			})
			if done.Load() != people-1 || refused.Load() != 1 {
				w.t.Errorf("%s, round %d: %d of %d went through, %d were refused", name, round, done.Load(), people, refused.Load())
			}
			w.exec("DELETE FROM admins")
			w.exec("DELETE FROM logins")
			w.exec("DELETE FROM users")
		}
	}
}

func dueOnce(w *world) {
	two := w.another()
	const people = 20
	for i := range people {
		save := w.login(fmt.Sprint("o", i), auth.ScopeUserinfo)
		save.RefreshToken = "token"
		w.signsIn(save)
	}
	w.clock.pass(15 * 24 * time.Hour)
	picked := make([][]string, 8)
	together(len(picked), func(i int) {
		s := w.Store
		if i%2 == 0 {
			s = two
		}
		for {
			next, err := s.NextDue(w.ctx, w.clock.now(), w.clock.now().Add(time.Hour))
			if err != nil {
				w.t.Error(err)
			}
			if next.UserID == "" || err != nil {
				return
			}
			picked[i] = append(picked[i], next.UserID)
		}
	})
	seen := map[string]bool{}
	for _, ids := range picked {
		for _, id := range ids {
			if seen[id] {
				w.t.Errorf("%s was picked twice", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != people {
		w.t.Errorf("%d of %d were picked", len(seen), people)
	}
}

func collectAmongBlocks(w *world) {
	two := w.another()
	began := time.Now()
	for i := range 20 {
		user, _ := w.visitor("o1")
		ticket := fmt.Sprint("ticket", i)
		now := w.clock.now()
		if _, err := w.OpenScan(w.ctx, auth.Scan{TicketHash: ticket, UserID: user.ID, Status: auth.ScanOpened, OpenedAt: now, EndsAt: now.Add(time.Minute)}); err != nil {
			w.t.Fatal(err)
		}
		if answered, err := w.AnswerScan(w.ctx, ticket, user.ID, auth.ScanConfirmed, now); err != nil || !answered {
			w.t.Fatal(answered, err)
		}
		together(2, func(n int) {
			if n == 0 {
				if err := two.SetBlocked(w.ctx, user.ID, true, nil, w.event(admin.ActBlock, user.ID)); err != nil {
					w.t.Error(err)
				}
				return
			}
			save := w.login("o1", auth.ScopeScan)
			if _, err := w.CollectScan(w.ctx, auth.CollectScan{TicketHash: ticket, Login: save.Login, Session: save.Session}); err != nil {
				if reason := auth.ReasonOf(err); reason != auth.Blocked && reason != auth.ScanSpent {
					w.t.Error(err)
				}
			}
		})
		w.wantRows("sessions", 0)
		if err := w.SetBlocked(w.ctx, user.ID, false, nil, w.event(admin.ActUnblock, user.ID)); err != nil {
			w.t.Fatal(err)
		}
	}
	// A deadlock would be found out after a second.
	if took := time.Since(began); took > notForEver {
		w.t.Errorf("took %v", took)
	}
}
