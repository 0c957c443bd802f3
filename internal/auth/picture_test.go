package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxlogin/internal/auth"
)

// gallery is a place of pictures and a store of copies in one. Addresses behave
// as they say.
type gallery struct {
	mu      sync.Mutex
	fetched []string
	kept    map[string]auth.Picture
	open    chan struct{} // closed: "slow" answers
	down    bool
	log     strings.Builder
}

func (g *gallery) Shrink(context.Context, []byte) ([]byte, error) { return nil, errors.ErrUnsupported }

func (g *gallery) Picture(ctx context.Context, address string) ([]byte, error) {
	g.mu.Lock()
	g.fetched = append(g.fetched, address)
	g.mu.Unlock()
	switch {
	case strings.HasPrefix(address, "slow"):
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case address == "panic":
		panic("a decoder's fault")
	case address == "broken":
		return nil, auth.Failf(auth.WeChatFailed, "no picture")
	}
	return []byte(address), nil
}

func (g *gallery) PictureSource(_ context.Context, userID string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return "", auth.Fail(auth.StoreDown, errors.New("locked"))
	}
	return g.kept[userID].Source, nil
}

func (g *gallery) SavePicture(_ context.Context, p auth.Picture) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept[p.UserID] = p
	return true, nil
}

func (g *gallery) DeletePicture(_ context.Context, userID string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.kept, userID)
	return nil
}

func (g *gallery) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(p)
}

// hang runs a test on a gallery in which all goroutines are seen and time is not
// real.
func hang(t *testing.T, test func(t *testing.T, g *gallery, p *auth.Pictures)) {
	synctest.Test(t, func(t *testing.T) {
		g := &gallery{kept: map[string]auth.Picture{}, open: make(chan struct{})}
		p := auth.NewPictures(g, g, time.Now, slog.New(slog.NewTextHandler(g, nil)))
		defer p.Close(t.Context())
		test(t, g, p)
	})
}

func flush(t *testing.T, p *auth.Pictures) {
	t.Helper()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPicturesAreCopiedOncePerSource(t *testing.T) {
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		flush(t, p) // nothing to wait for
		for _, source := range []string{"a", "a", "b", "b", "", ""} {
			p.Want("u", source)
			flush(t, p)
			if got := g.kept["u"]; got.Source != source || string(got.Body) != source {
				t.Errorf("kept %q, want %q", got.Source, source)
			}
		}
		if len(g.fetched) != 2 {
			t.Errorf("fetched %q", g.fetched)
		}
	})
}

// A queue that is full drops what is new, at once, and takes it later.
func TestPicturesQueueIsBounded(t *testing.T) {
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		for i := range 1000 {
			p.Want(fmt.Sprint("u", i), fmt.Sprint("slow", i))
			p.Want(fmt.Sprint("u", i), fmt.Sprint("slow", i)) // is waited for already
			if i == 1 {
				synctest.Wait() // both workers have one
			}
		}
		close(g.open)
		flush(t, p)
		if n := len(g.fetched); n != 2+256 {
			t.Errorf("%d were fetched", n)
		}
		for i := range 200 + 258 {
			p.Want(fmt.Sprint("u", i), fmt.Sprint("slow", i))
			synctest.Wait() // as logins come, one after the other
		}
		if n := len(g.kept); n != 200+258 {
			t.Errorf("%d are kept in the end", n)
		}
	})
}

func TestPicturesOutliveFailures(t *testing.T) {
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		for range 3 {
			p.Want("u1", "panic")
			p.Want("u2", "broken")
			flush(t, p)
		}
		g.down = true
		p.Want("u3", "fine")
		flush(t, p)
		g.down = false
		p.Want("u3", "fine")
		flush(t, p)
		if len(g.kept) != 1 || len(g.fetched) != 7 {
			t.Errorf("kept %d, fetched %q", len(g.kept), g.fetched)
		}
		for _, want := range []string{"decoder's fault", "no picture", "store_down"} {
			if !strings.Contains(g.log.String(), want) {
				t.Errorf("%q is not in the log", want)
			}
		}
	})
}

// One copy has ten seconds, and its place in the queue is free then.
func TestPicturesGiveUp(t *testing.T) {
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		began := time.Now()
		p.Want("u1", "slow")
		flush(t, p)
		if took := time.Since(began); took != 10*time.Second || len(g.kept) != 0 {
			t.Errorf("given up after %v, with %d kept", took, len(g.kept))
		}
	})
}

func TestPicturesClose(t *testing.T) {
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		for i := range 9 {
			p.Want(fmt.Sprint("u", i), "slow")
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.Close(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("closing took %v", took)
		}
		p.Want("u", "a") // neither taken nor a panic
		p.Close(t.Context())
		flush(t, p)
		if len(g.kept) != 0 || len(g.fetched) != 2 {
			t.Errorf("kept %d, fetched %d", len(g.kept), len(g.fetched))
		}
		if g.log.Len() != 0 {
			t.Errorf("logged at the end: %s", g.log.String())
		}
	})
	hang(t, func(t *testing.T, g *gallery, p *auth.Pictures) {
		for i := range 99 {
			p.Want(fmt.Sprint("u", i), "a")
		}
		p.Close(t.Context()) // with time to finish
		if len(g.kept) != 99 {
			t.Errorf("kept %d of 99", len(g.kept))
		}
	})
}

func TestNoPictures(t *testing.T) {
	var p *auth.Pictures
	p.Want("u", "a")
	flush(t, p)
	p.Close(t.Context())
}
