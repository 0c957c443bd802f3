package main_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// A SIGHUP, from a terminal that closes or somebody who hopes for a reload, does
// not end the service, nor does a SIGPIPE.
func TestHangupDoesNotEndTheService(t *testing.T) {
	service, address := startService(t, wechatsim.New(wechatsim.Config{}), "http://127.0.0.1:1", filepath.Join(t.TempDir(), "wxlogin.db"))
	for range 2 {
		for _, signal := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGHUP} {
			if err := service.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		service.stderr.wait(t, "SIGHUP is ignored")
		if got := newPhone(t, address, "", "").ask(http.MethodGet, publicURL+"/readyz", nil); got.status != http.StatusOK {
			t.Errorf("after a hangup the service answers %d", got.status)
		}
	}
	service.terminate()
	service.wantExit(0)
}

// The demonstration ends with its terminal and takes its folder with it.
func TestHangupEndsTheDemonstration(t *testing.T) {
	temporary := t.TempDir()
	demo := start(t, []string{"TMPDIR=" + temporary}, "demo", "--empty", "--addr=127.0.0.1:0", "--simulator-addr=127.0.0.1:0", "--app-addr=127.0.0.1:0")
	demo.stderr.wait(t, "wxlogin is ready")
	if err := demo.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	demo.wantExit(0)
	if left := must(os.ReadDir(temporary)); len(left) > 0 {
		t.Errorf("the demonstration leaves %s behind", left[0].Name())
	}
}

// piped is a service whose log goes through a pipe that the test reads, or does
// not.
type piped struct {
	*process
	log              *os.File
	read             *bufio.Reader
	address, metrics string
}

func startPiped(t *testing.T) *piped {
	t.Helper()
	sim := wechatsim.New(wechatsim.Config{})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	p := &piped{log: read, read: bufio.NewReaderSize(read, 16),
		process: &process{t: t, cmd: exec.Command("server"), exited: make(chan struct{})}}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(outsideVariables(),
		"WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_METRICS_ADDR=127.0.0.1:0", "WXLOGIN_PUBLIC_URL="+publicURL,
		"WXLOGIN_APPID="+sim.AppID(), "WXLOGIN_APPSECRET="+sim.Secret(), "WXLOGIN_RATE_LIMIT=0",
		"WXLOGIN_WECHAT_OPEN_URL=http://127.0.0.1:1", "WXLOGIN_WECHAT_API_URL=http://127.0.0.1:1")
	p.cmd.Stderr = write
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	go func() {
		p.cmd.Wait() // the exit code is read from ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
	})
	p.metrics = p.line("metrics").Address
	p.address = p.line("wxlogin is ready").Address
	return p
}

type logLine struct {
	Msg, Address string
	Lines        int64
}

// line reads on to the line with this message.
func (p *piped) line(msg string) logLine {
	p.t.Helper()
	p.log.SetReadDeadline(time.Now().Add(patience))
	for {
		text, err := p.read.ReadString('\n')
		if err != nil {
			p.t.Fatalf("no line %q: %v", msg, err)
		}
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			p.t.Fatalf("%v: %s", err, text)
		}
		if strings.HasPrefix(line.Msg, msg) {
			return line
		}
	}
}

func (p *piped) dropped() float64 {
	p.t.Helper()
	return (&monitored{t: p.t, metrics: p.metrics}).scrape().value("wxlogin_log_lines_dropped_total")
}

// visitsUntilDropped makes requests until the service has dropped more lines of
// its log than these.
func (p *piped) visitsUntilDropped(more float64) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); p.dropped() <= more; {
		if time.Now().After(deadline) {
			p.t.Fatal("nothing has been dropped")
		}
		p.visits(500)
	}
}

// visits makes n requests on one connection, of which each is answered.
func (p *piped) visits(n int) {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	const request = "GET /healthz HTTP/1.1\r\nHost: h5.localhost\r\n"
	go io.WriteString(conn, strings.Repeat(request+"\r\n", n-1)+request+"Connection: close\r\n\r\n")
	answers, err := io.ReadAll(conn)
	if got := strings.Count(string(answers), "HTTP/1.1 200 "); err != nil || got != n {
		p.t.Fatalf("with a log that nobody reads the service answers %d of %d requests: %v", got, n, err)
	}
}

// A log whose reader is gone does not end the service.
func TestLogReaderGone(t *testing.T) {
	p := startPiped(t)
	p.log.Close()
	p.visitsUntilDropped(0)
	p.terminate()
	p.wantExit(0)
}

// A log whose reader stands still keeps nobody waiting. The lines that are lost
// are counted, and when it is read again a line says how many; it can stand still
// again and the service still ends when it is told to.
func TestLogReaderStandsStill(t *testing.T) {
	p := startPiped(t)
	p.visitsUntilDropped(0)
	told := p.line("lines of the log were dropped").Lines
	if counted := p.dropped(); told == 0 || float64(told) > counted {
		t.Errorf("a line tells of %d, and %v are counted", told, counted)
	}
	p.visitsUntilDropped(p.dropped())
	p.terminate()
	p.wantExit(0)
}

// The shipped unit starts the service again after every end that was not asked
// for: systemd takes an end by SIGHUP, SIGPIPE or SIGTERM for a clean one.
func TestUnitRestartsAlways(t *testing.T) {
	if unit := readFile(t, "../../examples/systemd/wxlogin.service"); !strings.Contains(unit, "\nRestart=always\n") {
		t.Error("the unit leaves the service stopped after a signal")
	}
}

// A port that is taken is named with its setting and with what to do, in one line.
func TestTakenPort(t *testing.T) {
	taken := must(net.Listen("tcp", "127.0.0.1:0"))
	defer taken.Close()
	address := taken.Addr().String()
	sim := wechatsim.New(wechatsim.Config{})
	settings := []string{"WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_APPID=" + sim.AppID(), "WXLOGIN_APPSECRET=" + sim.Secret()}
	for name, p := range map[string]*process{
		"WXLOGIN_ADDR":         start(t, append(settings, "WXLOGIN_ADDR="+address)),
		"WXLOGIN_METRICS_ADDR": start(t, append(settings, "WXLOGIN_ADDR=127.0.0.1:0", "WXLOGIN_METRICS_ADDR="+address)),
		"--addr":               start(t, nil, "simulator", "--addr="+address),
	} {
		p.wantExit(1)
		if said := p.stderr.text(); !strings.HasSuffix(said, "server: "+name+": "+address+" is taken: a program listens there already, perhaps another wxlogin; stop it, or choose another address\n") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
