package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// OwnProfile is what a person enters about themselves in a mini program's form: WeChat
// gives mini programs neither nickname nor picture (official, since 2022).
type OwnProfile struct {
	UserID   string
	Nickname *string  // clean; nil: unchanged
	Picture  *Picture // nil: unchanged
}

// PictureType is the media type of every copy.
const PictureType = "image/jpeg"

// PictureFetcher fetches pictures. Its errors carry no more of an address than the host.
type PictureFetcher interface {
	// Picture fetches the picture at an address that a profile named, and converts it to
	// a small JPEG. It refuses an address that is not WeChat's, a file that is not a
	// picture, and a huge picture.
	Picture(ctx context.Context, address string) ([]byte, error)
	// Shrink converts a file likewise.
	Shrink(ctx context.Context, file []byte) ([]byte, error)
}

// PictureStore stores the copies. Errors are StoreDown.
type PictureStore interface {
	// PictureSource returns the Source of the stored copy of a person's picture; empty,
	// which is no error, when there is no copy.
	PictureSource(ctx context.Context, userID string) (string, error)
	// SavePicture replaces the stored copy, and says whether it did: not for a person who
	// has been erased, nor for one whose profile names another Source by now.
	SavePicture(context.Context, Picture) (saved bool, err error)
	// DeletePicture deletes the copy of a person whose profile no longer names a picture.
	// It is no error when there is no copy.
	DeletePicture(ctx context.Context, userID string) error
}

// How much copying may cost.
const (
	pictureQueue   = 256 // pictures that wait; more are dropped, and the next login asks again
	pictureWorkers = 2
	pictureBudget  = 10 * time.Second // for one picture: WeChat's answer and our write
)

// Pictures copies people's pictures in the background: no login waits for it or fails
// because of it. Its methods are safe for concurrent use, and a nil *Pictures copies none.
type Pictures struct {
	fetcher PictureFetcher
	store   PictureStore
	now     func() time.Time
	log     *slog.Logger

	queue *queue[wantedPicture]
}

type wantedPicture struct{ userID, source string }

// NewPictures makes a Pictures and starts its workers. Close ends them.
func NewPictures(fetcher PictureFetcher, store PictureStore, now func() time.Time, log *slog.Logger) *Pictures {
	p := &Pictures{fetcher: fetcher, store: store, now: now, log: log}
	p.queue = newQueue(pictureQueue, pictureWorkers, p.copy)
	return p
}

// ownSource is the prefix of the Source of a picture that the person has uploaded.
const ownSource = "own:"

// Own converts a file that a person has uploaded to their picture. BadRequest when it is
// not a picture, or a huge one.
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

// Want queues the copying of a person's picture, unless the stored copy has this source
// already. With an empty source the stored copy is deleted. It returns at once; with a
// full queue it does nothing.
func (p *Pictures) Want(userID, source string) {
	if p == nil {
		return
	}
	if !p.queue.add(wantedPicture{userID, source}) {
		p.log.Info("picture copy dropped: queue full", "user", userID)
	}
}

// Wait waits until no copying is queued or under way for a person, or ctx ends, and says
// whether there was any: a browser asks for the picture right after the login that queued
// it.
func (p *Pictures) Wait(ctx context.Context, userID string) bool {
	if p == nil {
		return false
	}
	return p.queue.wait(ctx, func(w wantedPicture) bool { return w.userID == userID })
}

// Flush waits until no copying is queued or under way.
func (p *Pictures) Flush(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.queue.flush(ctx)
}

// Close accepts no more pictures, copies those that wait, for as long as ctx lasts, and ends
// the workers.
func (p *Pictures) Close(ctx context.Context) {
	if p == nil {
		return
	}
	p.queue.close(ctx)
}

// copy copies one picture. Nobody waits for the result: a failure is only logged.
func (p *Pictures) copy(all context.Context, w wantedPicture) {
	ctx, cancel := context.WithTimeout(all, pictureBudget)
	defer cancel()
	err := p.try(ctx, w)
	if err != nil && all.Err() == nil {
		p.log.InfoContext(ctx, "picture was not copied", "user", w.userID, "reason", ReasonOf(err), "error", err)
	}
}

func (p *Pictures) try(ctx context.Context, w wantedPicture) (err error) {
	// Pictures are untrusted bytes, and a decoder's panic must not end a process that signs
	// people in.
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
