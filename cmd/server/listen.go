package main

import (
	"errors"
	"net"
	"os"
	"syscall"

	"wxlogin/internal/settings"
)

// listenOn opens the address of a setting, or says why it cannot be had.
func listenOn(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, settings.Errorf(flag, "%s", whyNot(address, err))
	}
	return listener, nil
}

func whyNot(address string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return address + " is taken: a program listens there already, perhaps another wxlogin; stop it, or choose another address"
	case errors.Is(err, os.ErrPermission):
		return address + " is not for this user: ports below 1024 need rights; listen on a higher one, behind a proxy"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return address + " is no address of this machine; 0.0.0.0 is all of them"
	}
	return err.Error()
}
