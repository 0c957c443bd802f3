//go:build !unix

package wechat

import "net"

// silent cannot be checked on this system; we rely on what the runtime has noticed.
func silent(net.Conn) bool { return true }
