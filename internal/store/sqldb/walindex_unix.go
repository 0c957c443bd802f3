//go:build unix

package sqldb

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sys/unix"
)

// walIndexes are the indexes that this process has mapped. Each is opened once and never
// closed: when any descriptor of a file is closed, the system drops all locks that the
// process holds on it (POSIX), and SQLite's locks are on that file.
var walIndexes = struct {
	sync.Mutex
	byFile map[[2]uint64]*walIndex // by device and inode
}{byFile: make(map[[2]uint64]*walIndex)}

// openWALIndex maps the index of the file that a connection has open. The index stays the
// same while that stays open; nil when there is none that can be read.
func openWALIndex(ctx context.Context, conn *sqlx.Conn, path string) *walIndex {
	var mode string
	if err := conn.GetContext(ctx, &mode, "PRAGMA journal_mode"); err != nil || mode != "wal" {
		return nil
	}
	// A first read makes SQLite create the index.
	if _, err := conn.ExecContext(ctx, "SELECT COUNT(*) FROM sqlite_master"); err != nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil
	}
	walIndexes.Lock()
	defer walIndexes.Unlock()
	info, err := os.Stat(real + "-shm")
	if err != nil || info.Size() < walIndexSize {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	key := [2]uint64{uint64(stat.Dev), stat.Ino}
	if index := walIndexes.byFile[key]; index != nil {
		return index
	}
	fd, err := unix.Open(real+"-shm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	memory, err := unix.Mmap(fd, 0, walIndexSize, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil // the descriptor stays open, so that no lock is dropped
	}
	index := &walIndex{memory: memory}
	walIndexes.byFile[key] = index
	return index
}
