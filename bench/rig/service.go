package rig

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// World is the surroundings of a load: a folder, the built program and a simulated WeChat.
type World struct {
	Folder  string // of all files, logs included
	Program string // the built server
	WeChat  *Simulator
	keys    string

	Identities int    // of each person; with two, the service has a second account
	Clock      *Clock // of the service only; nil: the machine's

	Patience time.Duration // limit of a start of the service; 0: five minutes
}

// NewWorld starts a simulated WeChat. Close ends it.
func NewWorld(ctx context.Context, folder, program string) (*World, error) {
	key := make([]byte, 32)
	rand.Read(key)
	w := &World{Folder: folder, Program: program, keys: "bench:" + base64.StdEncoding.EncodeToString(key)}
	var err error
	w.WeChat, err = startSimulator(ctx, folder, program)
	return w, err
}

// Close ends the simulated WeChat.
func (w *World) Close() error { return w.WeChat.Stop() }

// The simulated official account, and the site. Host is the site's name; connections go to
// where the process listens.
const (
	AppID  = "wxbe0c400000000001"
	Secret = "0123456789abcdef0123456789abcdef"
	Host   = "h5.localhost"

	// furtherAppID is a website's, of the same Open Platform account.
	furtherAppID = "wxbe0c400000000002"
)

// Simulator is a simulated WeChat in a process of its own.
type Simulator struct {
	*Process
	Address string
}

func startSimulator(ctx context.Context, folder, program string) (*Simulator, error) {
	p, err := Start(folder, nil, program, "simulator", "--addr=127.0.0.1:0", "--appid="+AppID, "--appsecret="+Secret, "--log-level=error")
	if err != nil {
		return nil, err
	}
	line, err := p.Wait(ctx, "control page: http://")
	if err != nil {
		p.Kill()
		return nil, err
	}
	_, address, _ := strings.Cut(strings.TrimSpace(line), "http://")
	return &Simulator{p, strings.Trim(address, "/")}, nil
}

// Service is the program under load.
type Service struct {
	*Process
	Address string
	Metrics string        // address of /metrics
	Ready   time.Duration // from the start of the process until /readyz said 200
}

// Target returns the service as the target of a load.
func (s *Service) Target() Target { return Target{s.Address, s.PID()} }

// StartService starts the program on a database, as WXLOGIN_DATABASE_URL names
// it, and waits until it is ready.
func (w *World) StartService(ctx context.Context, database string) (*Service, error) {
	return w.start(ctx, database, "http://"+w.WeChat.Address)
}

// Migrate has the program create or migrate the schema of a database.
func (w *World) Migrate(ctx context.Context, database string) error {
	service, err := w.StartService(ctx, database)
	if err != nil {
		return err
	}
	return service.Stop()
}

func (w *World) start(ctx context.Context, database, api string, more ...string) (*Service, error) {
	if w.Identities > 1 {
		more = append(more, "WXLOGIN_GROUP=bench", "WXLOGIN_ACCOUNTS=pc:website:"+furtherAppID+"@bench", "WXLOGIN_APPSECRET_PC="+Secret)
	}
	program := w.Program
	if w.Clock != nil {
		program, more = w.Clock.Program, append(more, w.Clock.variable())
	}
	p, err := Start(w.Folder, append(append(w.variables(database), more...),
		"WXLOGIN_ADDR=127.0.0.1:0",
		"WXLOGIN_METRICS_ADDR=127.0.0.1:0",
		"WXLOGIN_WECHAT_OPEN_URL=http://"+w.WeChat.Address,
		"WXLOGIN_WECHAT_API_URL="+api,
		"WXLOGIN_RATE_LIMIT=0", // all phones share one address here
	), program)
	if err != nil {
		return nil, err
	}
	p.patience = w.Patience
	s := &Service{Process: p}
	if err := s.becomeReady(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return s, nil
}

func (s *Service) becomeReady(ctx context.Context) error {
	line, err := s.Wait(ctx, `"msg":"wxlogin is ready"`)
	if err != nil {
		return err
	}
	if s.Address, err = address(line); err != nil {
		return err
	}
	c := NewConn(s.Address)
	defer c.Close()
	if err := c.Do(NewRequest(http.MethodGet, "/readyz", "", nil), time.Now().Add(answerTime)); err != nil {
		return err
	}
	if c.Status != http.StatusOK {
		return fmt.Errorf("/readyz says %d: %s", c.Status, c.Body)
	}
	s.Ready = time.Since(s.Began)
	if line, err = s.Wait(ctx, `"msg":"metrics"`); err != nil {
		return err
	}
	if s.Metrics, err = address(line); err != nil {
		return err
	}
	s.Metrics = strings.TrimSuffix(s.Metrics, "/metrics")
	return nil
}

func (w *World) variables(database string) []string {
	return []string{
		"WXLOGIN_PUBLIC_URL=http://" + Host,
		"WXLOGIN_APPID=" + AppID,
		"WXLOGIN_APPSECRET=" + Secret,
		"WXLOGIN_DATABASE_URL=" + database,
		"WXLOGIN_KEYS=" + w.keys,
		"WXLOGIN_LOG_FORMAT=json",
	}
}

// AdminLink has the program make an admin link and returns the token in it.
func (w *World) AdminLink(ctx context.Context, database string) (string, error) {
	out, err := w.Run(ctx, database, "admin", "link")
	if err != nil {
		return "", err
	}
	_, token, ok := strings.Cut(strings.TrimSpace(string(out)), "token=")
	if !ok {
		return "", fmt.Errorf("server admin link printed %q", out)
	}
	return token, nil
}

// Command prepares a command of the program on a database.
func (w *World) Command(ctx context.Context, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.Program, args...)
	cmd.Dir, cmd.Env = w.Folder, append(cmd.Environ(), w.variables(database)...)
	return cmd
}

// Run runs a command of the program on a database and returns its output.
func (w *World) Run(ctx context.Context, database string, args ...string) ([]byte, error) {
	out, err := w.Command(ctx, database, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
