package sqldb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// FilePath returns the one absolute path of a file, whether it exists or not: symbolic
// links are followed, so that two names of one database have one lock.
func FilePath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range 40 { // as many links as the system itself follows
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return real, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return path, nil // opening it will say what is wrong
		}
		// A file that does not exist yet, perhaps a link to where it will be.
		target, err := os.Readlink(path)
		if err != nil {
			folder, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return path, nil
			}
			return filepath.Join(folder, filepath.Base(path)), nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path, nil
}

// TakeOwner gives a file that root has made to the owner of the database, or of its folder
// while there is no database: a file owned by root would be in the way of the service. For
// any other user it does nothing.
func TakeOwner(file, database string) error {
	info, err := os.Stat(database)
	if err != nil {
		info, err = os.Stat(filepath.Dir(database))
	}
	if err != nil {
		return err
	}
	return chownLike(file, info)
}

// Whose says who owns a file that this process may not open; it is empty if err has
// another cause. It is appended to the error.
func Whose(file string, err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	name := owner(file)
	if name == "" {
		return ""
	}
	return "; " + file + " belongs to " + name + ", and this process runs as " + self() + ": chown it"
}
