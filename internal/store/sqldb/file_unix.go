//go:build unix

package sqldb

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

func chownLike(file string, like os.FileInfo) error {
	want, ok := like.Sys().(*syscall.Stat_t)
	info, err := os.Lstat(file)
	if err != nil || !ok || os.Geteuid() != 0 {
		return err
	}
	has, ok := info.Sys().(*syscall.Stat_t)
	if !ok || has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	if !info.Mode().IsRegular() || has.Nlink > 1 {
		return nil // root does not give away a file that has another name elsewhere
	}
	return os.Lchown(file, int(want.Uid), int(want.Gid))
}

// linked says whether a file has more than one name.
func linked(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}

// owner is the name of a file's owner; empty when there is no such file.
func owner(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return userName(strconv.Itoa(int(stat.Uid)))
}

func self() string { return userName(strconv.Itoa(os.Geteuid())) }

func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "user " + uid
}
