package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Picture is our copy of a person's picture.
type Picture struct {
	UserID   string
	Source   string // the address at WeChat that it was copied from, as the profile has it
	Type     string // PictureType
	Body     []byte
	ETag     string // of the body, without quotes
	CopiedAt time.Time
}

// OwnProfile is what a person tells of themselves, by a mini program's form: WeChat
// tells mini programs neither nickname nor picture (official, since 2022).
type OwnProfile struct {
	UserID   string
	Nickname *string  // clean; nil: as it is
	Picture  *Picture // nil: as it is
}

// PictureType is the media type of every copy.
const PictureType = "image/jpeg"

// PictureFetcher is where pictures are at. Its errors carry no more of an
// address than the host.
type PictureFetcher interface {
	// Picture gets a picture from an address that a profile named, and makes a
	// small JPEG of our own of it. It refuses an address that is not WeChat's, and
	// what is no picture or a huge one.
	Picture(ctx context.Context, address string) ([]byte, error)
	// Shrink makes the same of a file.
	Shrink(ctx context.Context, file []byte) ([]byte, error)
}

// PictureStore is where copies are kept. Errors are StoreDown.
type PictureStore interface {
	// PictureSource returns the Source of the copy kept of a person's picture;
	// empty when there is none, which is no error.
	PictureSource(ctx context.Context, userID string) (string, error)
	// SavePicture keeps a copy in place of the one before, and says whether it
	// did: not for a person who has been erased, nor for one whose profile names
	// another Source by now.
	SavePicture(context.Context, Picture) (saved bool, err error)
	// DeletePicture drops the copy of a person whose profile names no picture any
	// more. None to drop is no error.
	DeletePicture(ctx context.Context, userID string) error
}

// How much copying may cost.
const (
	pictureQueue   = 256 // waiting; more are dropped, and the next login asks again
	pictureWorkers = 2
	pictureBudget  = 10 * time.Second // for one, WeChat's answer and our write
)

// Pictures copies people's pictures, in the background: no login waits for it or
// fails by it. Its methods are safe for concurrent use, and a nil *Pictures
// copies none.
type Pictures struct {
	fetcher PictureFetcher
	store   PictureStore
	now     func() time.Time
	log     *slog.Logger

	ctx    context.Context // of the copies; ends with Close
	cancel context.CancelFunc
	queue  chan wantedPicture
	done   sync.WaitGroup

	mu     sync.Mutex
	wanted map[wantedPicture]chan struct{} // waiting or under way; closed when done
	idle   chan struct{}                   // closed when wanted gets empty
	closed bool
}

type wantedPicture struct{ userID, source string }

// NewPictures makes a Pictures and starts its workers. Close ends them.
func NewPictures(fetcher PictureFetcher, store PictureStore, now func() time.Time, log *slog.Logger) *Pictures {
	p := &Pictures{
		fetcher: fetcher,
		store:   store,
		now:     now,
		log:     log,
		queue:   make(chan wantedPicture, pictureQueue),
		wanted:  make(map[wantedPicture]chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for range pictureWorkers {
		p.done.Go(p.work)
	}
	return p
}

// ownSource begins the Source of a picture that its person has sent.
const ownSource = "own:"

// Own makes a person's picture of a file that they have sent. BadRequest when it is no
// picture, or a huge one.
func (p *Pictures) Own(ctx context.Context, userID string, file []byte) (picture Picture, err error) {
	defer func() { // as in try
		if v := recover(); v != nil {
			err = Failf(BadRequest, "panic: %v", v)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, pictureBudget)
	defer cancel()
	body, err := p.fetcher.Shrink(ctx, file)
	if err != nil {
		return Picture{}, Fail(BadRequest, err)
	}
	etag := Hash(string(body))
	return Picture{UserID: userID, Source: ownSource + etag, Type: PictureType, Body: body, ETag: etag, CopiedAt: p.now()}, nil
}

// Want has a person's picture copied, unless the copy kept is of this source
// already. With an empty source the copy kept is dropped. It returns at once;
// with a full queue it does nothing.
func (p *Pictures) Want(userID, source string) {
	if p == nil {
		return
	}
	w := wantedPicture{userID, source}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.wanted[w] != nil {
		return
	}
	select {
	case p.queue <- w:
	default:
		p.log.Info("picture is not copied now: too many are waiting", "user", userID)
		return
	}
	if len(p.wanted) == 0 {
		p.idle = make(chan struct{})
	}
	p.wanted[w] = make(chan struct{})
}

// Wait waits until nothing is waiting or under way for one person, or ctx ends,
// and says whether there was anything: a browser asks for the picture right after
// the login that wanted it.
func (p *Pictures) Wait(ctx context.Context, userID string) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	var pending []chan struct{}
	for w, done := range p.wanted {
		if w.userID == userID {
			pending = append(pending, done)
		}
	}
	p.mu.Unlock()
	for _, done := range pending {
		select {
		case <-done:
		case <-ctx.Done():
			return true
		}
	}
	return len(pending) > 0
}

// Flush waits until nothing is waiting or under way.
func (p *Pictures) Flush(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	idle, busy := p.idle, len(p.wanted) > 0
	p.mu.Unlock()
	if !busy {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close takes no more, finishes what is waiting for as long as ctx lasts, and
// ends the workers.
func (p *Pictures) Close(ctx context.Context) {
	if p == nil {
		return
	}
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.queue)
	}
	p.mu.Unlock()
	_ = p.Flush(ctx) // what is left undone, the next login asks for again
	p.cancel()
	p.done.Wait()
}

func (p *Pictures) work() {
	for w := range p.queue {
		p.copy(w)
		p.mu.Lock()
		close(p.wanted[w])
		delete(p.wanted, w)
		if len(p.wanted) == 0 {
			close(p.idle)
		}
		p.mu.Unlock()
	}
}

// copy does one piece of work. Whatever comes of it, nobody is waiting: it is
// only logged.
func (p *Pictures) copy(w wantedPicture) {
	ctx, cancel := context.WithTimeout(p.ctx, pictureBudget)
	defer cancel()
	err := p.try(ctx, w)
	if err != nil && p.ctx.Err() == nil {
		p.log.InfoContext(ctx, "picture was not copied", "user", w.userID, "reason", ReasonOf(err), "error", err)
	}
}

func (p *Pictures) try(ctx context.Context, w wantedPicture) (err error) {
	// Pictures are a stranger's bytes, and a decoder's fault must not end a
	// process that signs people in.
	defer func() {
		if v := recover(); v != nil {
			err = errors.Join(err, Failf(Unexpected, "panic: %v", v))
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	kept, err := p.store.PictureSource(ctx, w.userID)
	switch {
	case err != nil:
		return fmt.Errorf("look for a copy: %w", err)
	case kept == w.source:
		return nil
	case w.source == "":
		return p.store.DeletePicture(ctx, w.userID)
	}
	body, err := p.fetcher.Picture(ctx, w.source)
	if err != nil {
		return err
	}
	saved, err := p.store.SavePicture(ctx, Picture{
		UserID:   w.userID,
		Source:   w.source,
		Type:     PictureType,
		Body:     body,
		ETag:     Hash(string(body)),
		CopiedAt: p.now(),
	})
	if err != nil {
		return fmt.Errorf("save the copy: %w", err)
	}
	p.log.DebugContext(ctx, "picture copied", "user", w.userID, "bytes", len(body), "saved", saved)
	return nil
}
