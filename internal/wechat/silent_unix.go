//go:build unix

package wechat

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// silent says that nothing has come on an idle connection, not even its end. The
// runtime may not have noticed yet what the system knows. Another goroutine reads
// from the connection, so it must not be waited for.
func silent(conn net.Conn) bool {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return true // nobody can tell
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var waiting error
	err = raw.Control(func(fd uintptr) {
		var first [1]byte
		_, _, waiting = unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err == nil && waiting == unix.EAGAIN
}
