package pgtest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner is the user who runs the server: PostgreSQL refuses to be run by root.
func owner() (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, false
	}
	uid, _ = strconv.Atoi(u.Uid) // numbers on Linux
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, true
}

func attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} // the server does not outlive the tests
	if uid, gid, ok := owner(); ok {
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attributes
}

func giveAway(dir string) error {
	if uid, gid, ok := owner(); ok {
		return os.Chown(dir, uid, gid)
	}
	return nil
}
