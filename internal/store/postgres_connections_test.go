package store_test

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"wxlogin/internal/store"
	"wxlogin/internal/store/pgtest"
)

// between passes on what two sides say over the network, and counts connections.
type between struct {
	all, open atomic.Int64
}

// standBetween returns an address like at's that leads through a between.
func standBetween(t *testing.T, address string) (*between, string) {
	t.Helper()
	u := must(url.Parse(address))(t)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { listener.Close() })
	b, server := &between{}, u.Host
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			b.all.Add(1)
			b.open.Add(1)
			go func() {
				defer b.open.Add(-1)
				defer client.Close()
				behind, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer behind.Close()
				go io.Copy(client, behind)
				io.Copy(behind, client) // until the client closes
			}()
		}
	}()
	u.Host = listener.Addr().String()
	return b, u.String()
}

// A start takes one connection, which reads go on using; the first write takes another.
// A database that lets few in is not asked for more.
func TestAStartTakesOneConnection(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	at := onPostgres(t, server.TCP(server.Database(t)))
	b, url := standBetween(t, at.url)
	at.url = url
	w := unopened(t, at)
	for _, what := range []string{"that migrates", "with nothing to migrate"} {
		b.all.Store(0)
		s := w.another()
		if n := b.all.Load(); n != 1 {
			t.Errorf("a start %s takes %d connections", what, n)
		}
		w.visitorAt(s)
		if n := b.all.Load(); n != 2 {
			t.Errorf("a start %s and a login take %d connections", what, n)
		}
	}
}

// A connection on which the first statement fails is closed: what is behind a pool that
// lets few in would soon be full of them.
func TestAConnectionThatCannotBeUsedIsClosed(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	database := server.Database(t)
	server.Exec(t, "CREATE ROLE mute LOGIN")
	server.ExecIn(t, database, "REVOKE EXECUTE ON FUNCTION set_config(text, text, boolean) FROM PUBLIC")
	b, url := standBetween(t, strings.Replace(server.TCP(database), "wxlogin@", "mute@", 1))
	w := unopened(t, address{url: url})
	_, err := store.Open(w.ctx, w.config(w.keys))
	wantRefused(t, err, "lacks a privilege")
	if b.all.Load() == 0 {
		t.Error("nothing has connected")
	}
	waitUntil(t, func() bool { return b.open.Load() == 0 })
}
