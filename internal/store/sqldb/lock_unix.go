//go:build unix

package sqldb

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock of an open file. The lock ends with the file or the
// process; false means that somebody else has it.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK || err == unix.EINTR {
		return false, nil
	}
	return err == nil, err
}

// writable returns why a file cannot be written, without opening it.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// syncDir makes a rename within dir survive a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
