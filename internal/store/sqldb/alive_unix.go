//go:build unix

package sqldb

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// usable checks an idle connection before it is used again. A server that has ended it, or
// has restarted, has sent something already: a last message, or the end of the stream. The
// driver itself checks only after a second of silence, and if it sends into a dead
// connection, nobody knows how much was done. This check costs no round trip.
func usable(_ context.Context, conn *pgx.Conn) error {
	socket := conn.PgConn().Conn()
	if encrypted, ok := socket.(*tls.Conn); ok {
		socket = encrypted.NetConn()
	}
	if silent(socket) {
		return nil
	}
	return driver.ErrBadConn
}

// silent says whether a socket is open and has nothing to read.
func silent(socket net.Conn) bool {
	direct, ok := socket.(syscall.Conn)
	if !ok {
		return true // it cannot be checked
	}
	raw, err := direct.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Control(func(fd uintptr) {
		var first [1]byte
		_, _, err := unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = err == unix.EAGAIN || err == unix.EINTR
	})
	return err == nil && quiet
}
