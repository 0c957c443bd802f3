// Package pgtest runs PostgreSQL servers for tests: from the installed binaries, in a
// temporary folder that is removed afterwards.
//
// It does not know what is stored in them, and is part of no program.
package pgtest

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"wxlogin/internal/programs"
)

// patience is how long a server may take for anything.
const patience = time.Minute

// Server is one server with its own data.
type Server struct {
	bin, dir string
	port     int
	process  *exec.Cmd
	ended    chan struct{} // closed when the process has ended
	copying  string        // the option that makes databases quickly
	admin    *sql.DB
	names    atomic.Int64
	free     chan filled // databases that no test uses
}

// Main runs the tests of a package and then ends the server that they shared:
// func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }.
func Main(m *testing.M) int {
	defer func() {
		if shared.server != nil {
			shared.server.Remove()
		}
	}()
	return m.Run()
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Shared is the server that all tests of a process share.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = newServer() })
	available(t, shared.err)
	return shared.server
}

// New starts a server for one test alone, which may stop it or change its settings.
func New(t testing.TB) *Server {
	t.Helper()
	server, err := newServer()
	available(t, err)
	t.Cleanup(server.Remove)
	return server
}

var errMissing = errors.New("PostgreSQL is not installed here (/usr/lib/postgresql/*/bin)")

// available skips a test without PostgreSQL, or fails it with CI=true.
func available(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) {
		programs.Absent(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// binaries is the folder of the newest PostgreSQL.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append([]string{path}, found...)
	}
	if len(found) == 0 {
		return "", errMissing
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func newServer() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	// A short name: the path of a socket must not be long.
	dir, err := os.MkdirTemp("", "wxpg")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, free: make(chan filled, 100)}
	if err := s.initialize(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) initialize() error {
	if err := giveAway(s.dir); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	initdb := s.command("initdb", "-D", s.data(), "-U", "wxlogin", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	// Since version 15 the default is another strategy, which costs ten times as much.
	if _, version, _ := strings.Cut(filepath.ToSlash(s.bin), "/postgresql/"); version >= "15" {
		s.copying = " STRATEGY file_copy"
	}
	return s.Start()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is one of PostgreSQL's programs, run as a user that it accepts: not root.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = attributes()
	return cmd
}

// Start starts the server and waits until it answers.
func (s *Server) Start() error {
	port := strconv.Itoa(s.port)
	log := new(bytes.Buffer)
	s.process = s.command("postgres", "-D", s.data(), "-k", s.dir, "-p", port, "-h", "127.0.0.1",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=400", "-c", "shared_buffers=32MB",
		"-c", "max_wal_size=4GB", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "autovacuum=off", "-c", "jit=off", "-c", "log_min_messages=fatal")
	s.process.Stderr = log
	if err := s.process.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.process.Wait() // tests end it in different ways
	}()
	if s.admin == nil {
		admin, err := sql.Open("pgx", s.URL("postgres"))
		if err != nil {
			return err
		}
		s.admin = admin
	}
	for began := time.Now(); ; {
		err := s.admin.Ping()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("postgres has ended: %s", log)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(began) > patience {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

// Kill ends the server at once, as pg_ctl stop -m immediate does: what was in progress is
// lost, what was committed is not.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

// Stop ends the server as pg_ctl stop -m fast does: it closes its connections with a
// message.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

func (s *Server) end(signal os.Signal) {
	if s.ended == nil {
		return
	}
	_ = s.process.Process.Signal(signal) // an error means that it has ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.process.Process.Kill()
		<-s.ended
	}
}

// Remove ends the server and deletes its data.
func (s *Server) Remove() {
	if s.admin != nil {
		s.admin.Close()
	}
	s.Kill()
	os.RemoveAll(s.dir)
}

// URL is the address of a database through the server's socket.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://wxlogin@/%s?host=%s&port=%d", database, s.dir, s.port)
}

// TCP is the address of a database through the network.
func (s *Server) TCP(database string) string {
	return fmt.Sprintf("postgres://wxlogin@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}
