package idtoken_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
)

// published are the ids of the keys that clients see.
func (w *world) published(keys *idtoken.Keys) (ids []string) {
	w.t.Helper()
	body, err := keys.Public(w.t.Context())
	check(w.t, err)
	if strings.Contains(string(body), `"d":`) {
		w.t.Fatal("private halves are published")
	}
	var set jose.JSONWebKeySet
	check(w.t, json.Unmarshal(body, &set))
	for _, key := range set.Keys {
		if key.Use != "sig" || !key.IsPublic() {
			w.t.Errorf("%+v", key)
		}
		ids = append(ids, key.KeyID)
	}
	return ids
}

// signer is the id of the key that signs at the moment.
func (w *world) signer(keys *idtoken.Keys, alg auth.Alg) string {
	w.t.Helper()
	token, err := keys.Sign(w.t.Context(), alg, "JWT", map[string]string{"sub": "x"})
	check(w.t, err)
	payload, err := keys.Verify(w.t.Context(), token)
	check(w.t, err)
	if string(payload) != `{"sub":"x"}` {
		w.t.Errorf("%s", payload)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	check(w.t, err)
	return signed.Signatures[0].Header.KeyID
}

func TestKeysAreMadeWhenTheyAreNeeded(t *testing.T) {
	w := newWorld(t)
	if ids := w.published(w.keys); len(ids) != 0 {
		t.Errorf("%q before anybody needs one", ids)
	}
	_, other := w.another(w.ring)
	var all sync.WaitGroup
	var mu sync.Mutex
	used := make(map[string]bool)
	for i := range 8 {
		keys := []*idtoken.Keys{w.keys, other}[i%2]
		all.Go(func() {
			id := w.signer(keys, auth.ES256)
			mu.Lock()
			defer mu.Unlock()
			used[id] = true
		})
	}
	all.Wait()
	if len(used) != 1 {
		t.Errorf("two processes sign with %v", used)
	}
	rsa := w.signer(w.keys, auth.RS256)
	if ids := w.published(other); len(ids) != 2 || !slices.Contains(ids, rsa) {
		t.Errorf("published %q", ids)
	}
}

// Every 90 days another key signs, which was published a day before; the last one is
// published until its tokens have ended, and checks them for longer.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	_, other := w.another(w.ring)
	rotate := func() {
		t.Helper()
		for _, keys := range []*idtoken.Keys{w.keys, other} {
			check(t, keys.Rotate(t.Context()))
		}
	}
	first := w.signer(w.keys, auth.ES256)
	old, err := w.keys.Sign(t.Context(), auth.ES256, "JWT", map[string]string{"sub": "old"})
	check(t, err)
	w.pass(idtoken.RotateEvery - idtoken.PublishAhead - time.Minute)
	rotate()
	if ids := w.published(other); len(ids) != 1 {
		t.Errorf("too early: %q", ids)
	}
	w.pass(2 * time.Minute)
	rotate()
	ids := w.published(other)
	if len(ids) != 2 || w.signer(w.keys, auth.ES256) != first {
		t.Fatalf("a day before: %q are published, %s signs", ids, w.signer(w.keys, auth.ES256))
	}
	w.pass(idtoken.PublishAhead)
	rotate()
	second := w.signer(w.keys, auth.ES256)
	if second == first || second != w.signer(other, auth.ES256) || len(w.published(other)) != 2 {
		t.Errorf("%s signs, and signed before; %q are published", second, w.published(other))
	}
	w.pass(idtoken.PublishAhead)
	rotate()
	if ids := w.published(other); len(ids) != 1 || ids[0] != second {
		t.Errorf("a day after: %q", ids)
	}
	if _, err := other.Verify(t.Context(), old); err != nil {
		t.Errorf("an old token: %v", err)
	}
	w.pass(401 * 24 * time.Hour)
	rotate()
	if _, err := other.Verify(t.Context(), old); auth.ReasonOf(err) != auth.BadRequest {
		t.Errorf("a token of more than a year ago: %v", err)
	}
}

// With our own keys lost, others sign at once; with them exchanged, the same go on.
func TestOurKeysChange(t *testing.T) {
	w := newWorld(t)
	first := w.signer(w.keys, auth.ES256)
	fresh, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	_, both := w.another(append(slices.Clone(fresh), w.ring...))
	check(t, both.Rotate(t.Context()))
	_, onlyNew := w.another(fresh)
	if id := w.signer(onlyNew, auth.ES256); id != first {
		t.Errorf("%s signs, and %s did", id, first)
	}
	lost, err := auth.ParseKeys(auth.NewKey())
	check(t, err)
	_, without := w.another(lost)
	if id := w.signer(without, auth.ES256); id == first {
		t.Error("a key signs that nobody can open")
	}
	check(t, without.Rotate(t.Context()))
}
