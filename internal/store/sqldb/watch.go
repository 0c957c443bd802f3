package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// watchEvery is how often SQLite's files are checked, and so for how long a service can go
// on with files that nobody else sees.
const watchEvery = 500 * time.Millisecond

// watch notices when the files at their paths are no longer those that are open.
// Everything would seem to work, but what is written would be lost at the next start, and
// what others write, such as the revocation of a session, would not be seen. From then on
// the database is neither read nor written.
type watch struct {
	path  string
	files []watchedFile
	index *walIndex // says how long the log has to be; nil: unknown

	lost atomic.Pointer[lostFiles]

	stop context.CancelFunc // nil: not started
	done sync.WaitGroup
}

type watchedFile struct {
	path   string
	info   os.FileInfo // as it was opened
	mapped bool        // it must not shrink
	beside bool        // SQLite's log or its index, not the database itself
}

type lostFiles struct {
	err     error
	forever bool // even if the file comes back, its content may differ
}

// open begins with the database file.
func (w *watch) open(path string) error {
	info, err := os.Stat(path)
	w.path, w.files = path, []watchedFile{{path: path, info: info}}
	return err
}

// start adds the files that SQLite has made beside it by now, and checks all of them from
// now on.
func (w *watch) start(index *walIndex) {
	w.index = index
	for _, suffix := range []string{"-wal", "-shm"} {
		path := w.path + suffix
		if info, err := os.Stat(path); err == nil {
			w.files = append(w.files, watchedFile{path, info, suffix == "-shm", true})
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.done.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = w.look()
			case <-ctx.Done():
				return
			}
		}
	})
}

func (w *watch) close() {
	if w.stop != nil {
		w.stop()
		w.done.Wait()
	}
}

// usable returns an error if files are known to be lost.
func (w *watch) usable() error {
	if l := w.lost.Load(); l != nil {
		return l.err
	}
	return nil
}

// look checks the files now. A database that was moved away and is back is usable again;
// for the files beside it, nobody can say what was done without them.
func (w *watch) look() error {
	for {
		before := w.lost.Load()
		if before != nil && before.forever {
			return before.err
		}
		now := w.find()
		if w.lost.CompareAndSwap(before, now) {
			return w.usable()
		}
	}
}

func (w *watch) find() *lostFiles {
	for _, f := range w.files {
		info, err := os.Stat(f.path)
		name := filepath.Base(f.path)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return &lostFiles{err: err}
		case err != nil && !f.beside:
			return &lostFiles{err: fmt.Errorf("the database file %s is gone; stop the service before moving it", f.path)}
		case err != nil:
			return &lostFiles{fmt.Errorf("%s, which SQLite needs beside the database, was deleted while in use: restart the service, and leave alone what lies beside %s while it runs", name, w.path), true}
		case !os.SameFile(info, f.info) && !f.beside:
			return &lostFiles{err: fmt.Errorf("the database file %s has been replaced; restart the service", f.path)}
		case !os.SameFile(info, f.info):
			return &lostFiles{fmt.Errorf("%s, which SQLite needs beside the database, was replaced while in use: stop all other programs that use %s, and restart the service", name, w.path), true}
		case f.mapped && info.Size() < f.info.Size(), f.beside && !f.mapped && w.logIsShort(f.path):
			return &lostFiles{fmt.Errorf("%s, which SQLite needs beside the database, was cut off while in use: restart the service, and leave alone what lies beside %s while it runs", name, w.path), true}
		}
	}
	return nil
}

// logIsShort says whether the log lacks pages that its index has, or begins with other
// salts: a write after it was cut off makes it long again, around a hole. SQLite itself
// writes pages before the index names them, and removes them from the index before it
// truncates the log or starts it over (wal.c, walCheckpoint). So as long as the index has
// one state, the log is long enough and has the salts of that state. Nobody locks the log
// itself, so closing it drops no lock.
func (w *watch) logIsShort(path string) bool {
	before, ok := w.index.state()
	if !ok || before.logSize() == 0 {
		return false
	}
	log, err := os.Open(path)
	if err != nil {
		return false // the next look reports it
	}
	defer log.Close()
	var header [walHeaderOfLog]byte
	_, readErr := io.ReadFull(log, header[:])
	info, err := log.Stat()
	if err != nil || readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		return false
	}
	after, ok := w.index.state()
	return ok && after == before && (info.Size() < before.logSize() || !before.began(header))
}
