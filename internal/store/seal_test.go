package store_test

import (
	"testing"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

func sealer(t *testing.T, ids ...string) store.Sealer {
	t.Helper()
	s, err := store.NewSealer(ring(t, ids...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASealOpensWholeAndInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	s := sealer(t, "k1")
	for _, text := range []auth.Secret{"", "x", "REFRESH_TOKEN_of_some_length_as_wechat_gives_them"} {
		sealed := s.Seal(text, "here")
		if got, err := s.Open(sealed, "here"); err != nil || got != text {
			t.Errorf("got %q, %v", string(got), err)
		}
		if _, err := s.Open(sealed, "there"); err == nil {
			t.Error("opens in another place")
		}
		for i := range sealed {
			if _, err := s.Open(sealed[:i], "here"); err == nil {
				t.Errorf("opens cut to %d bytes", i)
			}
			for bit := range 8 {
				b := []byte(sealed)
				b[i] ^= 1 << bit
				if _, err := s.Open(string(b), "here"); err == nil {
					t.Errorf("opens with bit %d of byte %d flipped", bit, i)
				}
			}
		}
	}
}

func TestNoNonceComesTwice(t *testing.T) {
	t.Parallel()
	s := sealer(t, "k1")
	seen := map[string]bool{}
	for range 10_000 {
		nonce := s.Seal("x", "here")[len("v1|k1|"):][:16] // 12 bytes
		if seen[nonce] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce] = true
	}
}

func TestNoKeysNoStore(t *testing.T) {
	t.Parallel()
	if _, err := store.NewSealer(nil); err == nil {
		t.Error("seals without a key")
	}
}

func FuzzOpenNeverPanics(f *testing.F) {
	ring, err := auth.ParseKeys(auth.NewKey())
	if err != nil {
		f.Fatal(err)
	}
	s, err := store.NewSealer(ring)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("v1|" + ring[0].ID + "|")
	f.Add("v1|" + ring[0].ID + "|AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, sealed string) {
		if _, err := s.Open(sealed, "here"); err == nil {
			t.Errorf("%q opens", sealed)
		}
	})
}
