//go:build unix

package wechat

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// silent reports whether nothing has arrived on an idle connection, not even its end. It
// asks the system, as the runtime may not have noticed yet, and does not block, as another
// goroutine reads from the connection.
func silent(conn net.Conn) bool {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return true // unknown
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
