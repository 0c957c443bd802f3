package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"wxlogin/internal/programs"
)

// Pooler is a PgBouncer in front of the server, for one test.
type Pooler struct{ port int }

// Pooler starts PgBouncer with this pool_mode, and at most size connections to each
// database.
func (s *Server) Pooler(t testing.TB, mode string, size int) *Pooler {
	t.Helper()
	bin := programs.Find(t, "Debian: apt-get install pgbouncer", "pgbouncer", "/usr/sbin/pgbouncer")
	dir, err := os.MkdirTemp(s.dir, "bouncer")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Pooler{port: listener.Addr().(*net.TCPAddr).Port}
	listener.Close()
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=wxlogin
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = %d
query_wait_timeout = 20
`, s.port, p.port, mode, size)
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o644), giveAway(dir), giveAway(config)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-q", config)
	cmd.Dir, cmd.SysProcAttr = dir, attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
		if err == nil {
			conn.Close()
			return p
		}
		if time.Since(began) > patience {
			t.Fatalf("pgbouncer does not answer: %v", err)
		}
	}
}

// URL is the address of a database through the pooler.
func (p *Pooler) URL(database string) string {
	return fmt.Sprintf("postgres://wxlogin@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}
