package store_test

import (
	"fmt"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// grants signs openID in with a refresh token.
func (w *world) grants(openID string, scope auth.Scope, token auth.Secret) auth.User {
	w.t.Helper()
	save := w.login(openID, scope)
	save.RefreshToken = token
	return w.signsIn(save)
}

// firstToken names the token of a person's first identity.
func firstToken(userID string) auth.TokenID { return auth.TokenID{UserID: userID} }

func (w *world) wantToken(s *store.Store, user auth.User, want string) {
	w.t.Helper()
	got, err := s.RefreshToken(w.ctx, firstToken(user.ID))
	if err != nil || string(got) != want {
		w.t.Errorf("got %q, %v, want %q", string(got), err, want)
	}
}

func (w *world) wantNoToken(s *store.Store, user auth.User) {
	w.t.Helper()
	got, err := s.RefreshToken(w.ctx, firstToken(user.ID))
	wantReason(w.t, err, auth.NeedsLogin)
	if got != "" {
		w.t.Error("a token came with the refusal")
	}
}

var tokenPromises = map[string]func(*world){
	"a base token opens no profile, and does not take the place of one that does or did": func(w *world) {
		user := w.grants("o1", auth.ScopeBase, "BASE-1")
		w.wantNoToken(w.Store, user)
		w.grants("o1", auth.ScopeBase, "BASE-2")
		w.wantNoToken(w.Store, user)
		w.grants("o1", auth.ScopeUserinfo, "INFO-1")
		w.wantToken(w.Store, user, "INFO-1")
		w.grants("o1", auth.ScopeBase, "BASE-3")
		w.wantToken(w.Store, user, "INFO-1")
		w.grants("o1", auth.ScopeUserinfo, "INFO-2")
		w.wantToken(w.Store, user, "INFO-2")
		w.grants("o1", auth.ScopeUserinfo, "")
		w.wantToken(w.Store, user, "INFO-2")
		w.exec("UPDATE tokens SET dead_reason = '40030'")
		w.wantNoToken(w.Store, user)
		w.grants("o1", auth.ScopeBase, "BASE-4")
		w.wantNoToken(w.Store, user)
		if dead := w.text("SELECT scope || ' ' || dead_reason FROM tokens"); dead != "snsapi_userinfo 40030" {
			w.t.Errorf("the token is said to be %s", dead)
		}
		w.grants("o1", auth.ScopeUserinfo, "INFO-3")
		w.wantToken(w.Store, user, "INFO-3")
		w.wantRows("tokens", 1)
	},
	"a token lives 30 days": func(w *world) {
		user := w.grants("o1", auth.ScopeUserinfo, "INFO")
		w.clock.pass(30*24*time.Hour - time.Millisecond)
		w.wantToken(w.Store, user, "INFO")
		w.clock.pass(time.Millisecond)
		w.wantNoToken(w.Store, user)
		w.grants("o1", auth.ScopeBase, "BASE")
		w.wantNoToken(w.Store, user)
	},
	"no token is no fault": func(w *world) {
		user, _ := w.visitor("o1")
		w.wantRows("tokens", 0)
		w.wantNoToken(w.Store, user)
		w.wantNoToken(w.Store, auth.User{ID: "nobody"})
	},
	"a token that was damaged or moved is absent": func(w *world) {
		lin, wei := w.grants("o1", auth.ScopeUserinfo, "OF-LIN"), w.grants("o2", auth.ScopeUserinfo, "OF-WEI")
		sealed := w.text("SELECT refresh_token FROM tokens WHERE user_id = $1", lin.ID)
		other := w.text("SELECT refresh_token FROM tokens WHERE user_id = $1", wei.ID)
		put := func(text string) { w.exec("UPDATE tokens SET refresh_token = $1 WHERE user_id = $2", text, lin.ID) }
		bad := []string{"", "v1", "v1|", "v1|k1", "v1|k1|", "v1||", "|||", "v1|k1|AAAA", "v2" + sealed[2:], "v1|k9|" + sealed[6:], other, sealed + "A", sealed + "=", "OF-LIN"}
		for i := 0; i < len(sealed); i += 5 {
			bad = append(bad, sealed[:i], sealed[:i]+string(rune(sealed[i]^1))+sealed[i+1:])
		}
		for _, text := range bad {
			put(text)
			w.wantNoToken(w.Store, lin)
		}
		put(sealed)
		w.wantToken(w.Store, lin, "OF-LIN")
		// Moved with its owner's name, it is bound to the openid.
		w.exec("UPDATE users SET openid = 'o3' WHERE id = $1", lin.ID)
		w.wantNoToken(w.Store, lin)
		w.wantToken(w.Store, wei, "OF-WEI")
	},
	"keys can be changed, and an old one opens as long as it is there": func(w *world) {
		lin := w.grants("o1", auth.ScopeUserinfo, "OLD")
		both := w.anotherWith(ring(w.t, "k2", "k1"))
		w.wantToken(both, lin, "OLD")
		save := w.login("o2", auth.ScopeUserinfo)
		save.RefreshToken = "NEW"
		wei := w.signsInAt(both, save)
		if kid := w.text("SELECT kid FROM tokens WHERE user_id = $1", wei.ID); kid != "k2" {
			w.t.Errorf("sealed by %s", kid)
		}
		if sealed := w.text("SELECT refresh_token FROM tokens WHERE user_id = $1", wei.ID); !strings.HasPrefix(sealed, "v1|k2|") {
			w.t.Errorf("sealed as %s", sealed)
		}
		newest := w.anotherWith(ring(w.t, "k2"))
		w.wantToken(newest, wei, "NEW")
		w.wantNoToken(newest, lin)
		w.wantNoToken(w.Store, wei)
		if log := w.log.String(); log != "" && strings.Contains(log, "KEYS") {
			w.t.Errorf("an alarm while the keys open what is new: %s", log)
		}
	},
	"a start with keys that open nothing is loud, and goes on": func(w *world) {
		for i := range 25 {
			w.grants(fmt.Sprint("o", i), auth.ScopeUserinfo, "INFO")
		}
		w.another()
		if strings.Contains(w.log.String(), "WARN") {
			w.t.Errorf("an alarm with the right keys: %s", w.log)
		}
		wrong := w.anotherWith(ring(w.t, "k3"))
		if !strings.Contains(w.log.String(), "level=WARN") || !strings.Contains(w.log.String(), "WXLOGIN_KEYS") {
			w.t.Errorf("no alarm: %s", w.log)
		}
		w.wantRows("tokens", 25)
		user := w.signsInAt(wrong, w.login("o0", auth.ScopeBase))
		w.wantNoToken(wrong, user)
		w.wantToken(w.Store, user, "INFO")
	},
}
