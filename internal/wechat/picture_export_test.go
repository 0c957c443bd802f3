package wechat

import "net/netip"

// Public says whether a picture may be fetched from an address.
func Public(address string) bool { return public(netip.MustParseAddr(address)) }
