package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"wxlogin/bench/rig"
)

// A login of a new person is compared with the Flask program of the usual tutorials, on two
// workers of gunicorn. It runs if Python has what it needs (Debian's python3-flask, gunicorn
// and python3-requests); nothing is installed.

//go:embed peer/tutorial.py
var tutorialFile embed.FS

// aimFlask is the processor time that a login may take, as a share of Flask's.
const aimFlask = .40

// pythonWithFlask returns an interpreter that has everything that the program imports.
func pythonWithFlask(ctx context.Context) (string, error) {
	var errs []error
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if out, err := exec.CommandContext(ctx, name, "-c", "import flask, gunicorn, requests").CombinedOutput(); err != nil {
			lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
			errs = append(errs, fmt.Errorf("%s: %w %s", name, err, lines[len(lines)-1]))
			continue
		}
		return name, nil
	}
	return "", errors.Join(errs...)
}

// besideFlask has new people sign in at the Flask program and here, in turn.
func (m *measurement) besideFlask(ctx context.Context) (err error) {
	python, err := pythonWithFlask(ctx)
	if err != nil {
		m.progress("the tutorial's Flask program is left out: %v", err)
		m.report.withoutFlask()
		return nil
	}
	process, flask, err := m.startFlask(ctx, python)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, process.Stop()) }()
	control := rig.NewConn(m.world.WeChat.Address)
	defer control.Close()
	s := m.stores[0]
	ours, theirs, err := m.inTurn(ctx, control, s, s, firstTime, loginsAt(s, firstTime), flask)
	if err == nil {
		m.report.flask(ours, theirs)
	}
	return err
}

// startFlask starts the Flask program with two workers.
func (m *measurement) startFlask(ctx context.Context, python string) (*rig.Process, loginSide, error) {
	fail := func(err error) (*rig.Process, loginSide, error) { return nil, loginSide{}, err }
	text, err := tutorialFile.ReadFile("peer/tutorial.py")
	if err == nil {
		err = os.WriteFile(filepath.Join(m.world.Folder, "tutorial.py"), text, 0o600)
	}
	if err != nil {
		return fail(err)
	}
	address, err := freeAddress()
	if err != nil {
		return fail(err)
	}
	p, err := rig.Start(m.world.Folder, []string{
		"APPID=" + rig.AppID, "SECRET=" + rig.Secret, "SITE_URL=http://" + rig.Host,
		"OPEN_URL=http://" + m.world.WeChat.Address, "API_URL=http://" + m.world.WeChat.Address,
	}, python, "-m", "gunicorn", "--workers", "2", "--bind", address, "tutorial:app")
	if err != nil {
		return fail(err)
	}
	side := loginSide{address: address, signsIn: signsInAtFlask}
	if _, err = p.Wait(ctx, "Listening at"); err == nil {
		side.pids, err = withWorkers(ctx, p.PID(), 2)
	}
	if err != nil {
		p.Kill()
		return fail(err)
	}
	return p, side, nil
}

// withWorkers waits until a process has so many children, and returns it and them.
func withWorkers(ctx context.Context, pid, n int) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		children, err := rig.Children(pid)
		if err != nil { // no /proc, and no processor time either
			return []int{pid}, nil
		}
		if len(children) == n {
			return append(children, pid), nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("process %d has %d workers, want %d", pid, len(children), n)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// signsInAtFlask makes a whole login at the Flask program: the redirect, WeChat's page, and
// the answer with the nickname.
func signsInAtFlask(p *rig.Phone, deadline time.Time) error {
	if err := p.Ask(http.MethodGet, "/login", nil, deadline); err != nil {
		return err
	}
	path, err := p.Authorize(rig.Location(p.Site), deadline)
	if err != nil {
		return err
	}
	if err := p.Ask(http.MethodGet, path, nil, deadline); err != nil {
		return err
	}
	if p.Site.Status != http.StatusOK || !bytes.Contains(p.Site.Body, []byte(p.Holder.OpenID)) {
		return fmt.Errorf("the Flask program answers %d: %.300s", p.Site.Status, p.Site.Body)
	}
	return nil
}
