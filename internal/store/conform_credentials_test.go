package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

func (w *world) savesCredential(c auth.Credential) {
	w.t.Helper()
	if err := w.SaveCredential(w.ctx, c); err != nil {
		w.t.Fatal(err)
	}
}

var credentialPromises = map[string]func(*world){
	"a credential is sealed, and read by all": func(w *world) {
		other := w.another()
		none := auth.Credential{AppID: appID, Kind: auth.AccessToken}
		if got := must(other.Credential(w.ctx, appID, auth.AccessToken))(w.t); got != none {
			w.t.Errorf("%+v", got)
		}
		now := w.clock.now()
		token := auth.Credential{AppID: appID, Kind: auth.AccessToken, Value: "TOKEN-1", EndsAt: now.Add(2 * time.Hour), ForcedAt: now.Add(-time.Minute), ForcedCount: 3}
		ticket := auth.Credential{AppID: appID, Kind: auth.JSTicket, Value: "TICKET-1", EndsAt: now.Add(time.Hour),
			Failure: auth.WeChatRefused, Errcode: 40164, From: "203.0.113.7", RetryAt: now.Add(30 * time.Second)}
		w.savesCredential(token)
		w.savesCredential(ticket)
		for _, want := range []auth.Credential{token, ticket} {
			if diff := cmp.Diff(want, must(other.Credential(w.ctx, appID, want.Kind))(w.t)); diff != "" {
				w.t.Error(diff)
			}
		}
		if got := must(other.Credential(w.ctx, "wx9999999999999999", auth.AccessToken))(w.t); got.Value != "" {
			w.t.Error("another account has it")
		}
		for _, row := range w.rows("credentials", "value", "kind") {
			if !strings.HasPrefix(row, "v1|k1|") || strings.Contains(row, "TOKEN") || strings.Contains(row, "TICKET") {
				w.t.Errorf("stored as %s", row)
			}
		}
		// The next takes its place whole.
		token = auth.Credential{AppID: appID, Kind: auth.AccessToken, Value: "TOKEN-2", EndsAt: now.Add(3 * time.Hour)}
		if err := other.SaveCredential(w.ctx, token); err != nil {
			w.t.Fatal(err)
		}
		if diff := cmp.Diff(token, must(w.Credential(w.ctx, appID, auth.AccessToken))(w.t)); diff != "" {
			w.t.Error(diff)
		}
		w.wantRows("credentials", 2)
	},
	"a credential that was damaged, moved or sealed with other keys counts as none": func(w *world) {
		w.savesCredential(auth.Credential{AppID: appID, Kind: auth.AccessToken, Value: "TOKEN", EndsAt: w.clock.now().Add(time.Hour)})
		sealed := w.text("SELECT value FROM credentials")
		if got := must(w.anotherWith(ring(w.t, "k2")).Credential(w.ctx, appID, auth.AccessToken))(w.t); got.Value != "" {
			w.t.Error("other keys open it")
		}
		if got := must(w.anotherWith(ring(w.t, "k2", "k1")).Credential(w.ctx, appID, auth.AccessToken))(w.t); got.Value != "TOKEN" {
			w.t.Error("the key that sealed it does not open it")
		}
		w.exec(`INSERT INTO credentials SELECT 'wx9999999999999999', kind, value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at FROM credentials`)
		w.exec(`INSERT INTO credentials SELECT appid, 'ticket', value, ends_at, forced_at, forced_count, failure, errcode, from_address, retry_at FROM credentials WHERE appid = $1`, appID)
		for _, place := range []struct {
			appID string
			kind  auth.CredentialKind
		}{{"wx9999999999999999", auth.AccessToken}, {appID, auth.JSTicket}} {
			if got := must(w.Credential(w.ctx, place.appID, place.kind))(w.t); got.Value != "" || got.EndsAt.IsZero() {
				w.t.Errorf("%v: %+v", place, got.EndsAt)
			}
		}
		for _, text := range []string{"", "v1", "v1|k1|", sealed[:len(sealed)-3], sealed + "A", "TOKEN"} {
			w.exec("UPDATE credentials SET value = $1 WHERE appid = $2 AND kind = 'token'", text, appID)
			if got := must(w.Credential(w.ctx, appID, auth.AccessToken))(w.t); got.Value != "" {
				w.t.Errorf("%q opens", text)
			}
		}
	},
	"of many processes one renews a credential": func(w *world) {
		replicas := []*store.Store{w.Store, w.another(), w.another()}
		var taken atomic.Int64
		for round := range 3 {
			together(12, func(i int) {
				s, now := replicas[i%len(replicas)], w.clock.now()
				mine, err := s.TakeLease(w.ctx, "token of "+appID, fmt.Sprint("process ", i), now, now.Add(10*time.Second))
				if err != nil {
					w.t.Error(err)
				}
				if mine {
					taken.Add(1)
					if err := s.SaveCredential(w.ctx, auth.Credential{AppID: appID, Kind: auth.AccessToken, Value: auth.Secret(fmt.Sprint("TOKEN-", round))}); err != nil {
						w.t.Error(err)
					}
				}
			})
			if n := taken.Load(); n != int64(round+1) {
				w.t.Fatalf("taken %d times in %d rounds", n, round+1)
			}
			for _, s := range replicas {
				if got := must(s.Credential(w.ctx, appID, auth.AccessToken))(w.t); got.Value != auth.Secret(fmt.Sprint("TOKEN-", round)) {
					w.t.Errorf("one reads another after round %d", round)
				}
			}
			w.clock.pass(11 * time.Second) // whoever had it does not come back
		}
	},
}
