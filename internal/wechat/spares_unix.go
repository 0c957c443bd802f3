//go:build unix

package wechat

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// silent says that nothing has come on a connection, not even its end. The runtime may
// not have noticed yet what the system knows.
func silent(conn net.Conn) bool {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var waiting error
	err = raw.Read(func(fd uintptr) bool {
		_, _, waiting = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	return err == nil && waiting == unix.EAGAIN
}
