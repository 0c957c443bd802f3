package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// patience is how long a test waits for what should come at once; a machine
// under load needs some of it.
const patience = time.Minute

// publicURL is the address of the services under test. Their port is free, so a
// phone finds them by looking up this name; see dial.
const publicURL = "http://h5.localhost"

// process is the program, running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *lines
	stdout *lines
	exited chan struct{}
}

// start runs the program in an empty folder with these variables and no others
// of ours.
func start(t *testing.T, variables []string, args ...string) *process {
	t.Helper()
	return startIn(t, t.TempDir(), variables, args...)
}

func startIn(t *testing.T, folder string, variables []string, args ...string) *process {
	t.Helper()
	return startProgram(t, watchedProgram, folder, variables, args...)
}

// runs runs a command that does one thing after another and ends.
func runs(t *testing.T, variables []string, args ...string) *process {
	t.Helper()
	return startProgram(t, plainProgram(t), t.TempDir(), variables, args...)
}

func startProgram(t *testing.T, program, folder string, variables []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), stdout: newLines(), stderr: newLines(), exited: make(chan struct{})}
	p.cmd.Dir = folder
	p.cmd.Env = append(outsideVariables(), variables...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // the exit code is read from ProcessState
		p.stdout.end()
		p.stderr.end()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("server %s\n%s%s", strings.Join(args, " "), p.stdout.text(), p.stderr.text())
		}
	})
	return p
}

// outsideVariables are those of the machine, without what would set something: not GOGC
// either, which the Makefile has for the tests' own heap and a service tunes itself.
func outsideVariables() []string {
	var kept []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "WXLOGIN_") && !strings.HasPrefix(entry, "OTEL_") && !strings.HasPrefix(entry, "LC_") && !strings.HasPrefix(entry, "GOGC=") && !strings.HasPrefix(entry, "LANG=") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// startService runs a service on this SQLite file, or what further variables
// name, against this WeChat. It returns it with its listening address, ready.
func startService(t *testing.T, sim *wechatsim.Simulator, wechatURL, database string, variables ...string) (p *process, address string) {
	t.Helper()
	p = start(t, append([]string{
		"WXLOGIN_ADDR=127.0.0.1:0",
		"WXLOGIN_PUBLIC_URL=" + publicURL,
		"WXLOGIN_APPID=" + sim.AppID(),
		"WXLOGIN_APPSECRET=" + sim.Secret(),
		"WXLOGIN_DATABASE_URL=sqlite:" + database,
		"WXLOGIN_WECHAT_OPEN_URL=" + wechatURL,
		"WXLOGIN_WECHAT_API_URL=" + wechatURL,
	}, variables...))
	var ready struct{ Address string }
	if err := json.Unmarshal([]byte(p.stderr.wait(t, `"msg":"wxlogin is ready"`)), &ready); err != nil {
		t.Fatal(err)
	}
	return p, ready.Address
}

// wantExit waits for the end and checks the exit code.
func (p *process) wantExit(code int) {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("the process did not end")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d", got, code)
	}
}

func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// lines gathers what a process writes, and lets a test wait for a line.
type lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ended bool
	news  chan struct{} // closed at each change
}

func newLines() *lines { return &lines{news: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.news)
	l.news = make(chan struct{})
	return l.buf.Write(p)
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	close(l.news)
	l.news = make(chan struct{})
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait returns the first line that has the text in it.
func (l *lines) wait(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		news, ended := l.news, l.ended
		found := lineWith(l.buf.Bytes(), text)
		l.mu.Unlock()
		if found != "" {
			return found
		}
		if ended {
			t.Fatalf("the process ended without a line %q", text)
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("no line %q", text)
		}
	}
}

// lineWith is the first complete line with the text.
func lineWith(b []byte, text string) string {
	s := bufio.NewScanner(bytes.NewReader(b[:bytes.LastIndexByte(b, '\n')+1]))
	for s.Scan() {
		if strings.Contains(s.Text(), text) {
			return s.Text()
		}
	}
	return ""
}

// phone is a browser without pictures. It follows a redirect only when told.
type phone struct {
	t *testing.T
	*http.Client
}

// What the browsers of most tests say of themselves.
var weChatBrowser, desktopBrowser = phoneNamed("android").UserAgent, phoneNamed("desktop").UserAgent

func phoneNamed(name string) wechatsim.Phone {
	p, ok := wechatsim.PhoneNamed(name)
	if !ok {
		panic("no phone " + name)
	}
	return p
}

// newPhone makes a phone that finds the service's name at the address and is
// held by this person of the simulator, who consents to everything.
func newPhone(t *testing.T, address, wechatURL, person string) phone {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if wechatURL != "" {
		jar.SetCookies(must(url.Parse(wechatURL)), []*http.Cookie{
			{Name: wechatsim.CookiePerson, Value: person},
			{Name: wechatsim.CookieConsent, Value: wechatsim.AnswerAllow},
		})
	}
	transport := &http.Transport{DialContext: dial(address)}
	t.Cleanup(transport.CloseIdleConnections)
	return phone{t, &http.Client{
		Jar:       jar,
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// dial connects to the address for the host of publicURL.
func dial(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		if strings.HasPrefix(to, must(url.Parse(publicURL)).Hostname()+":") {
			to = address
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// page is an answer, read.
type page struct {
	status   int
	location string // absolute; "" when the answer is no redirect
	body     string
}

// ask sends a request and fails the test when there is no answer.
func (p phone) ask(method, address string, form url.Values) page {
	p.t.Helper()
	got, err := p.try(method, address, form)
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

func (p phone) try(method, address string, form url.Values) (page, error) {
	req, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	req.Header.Set("User-Agent", weChatBrowser)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := p.Do(req)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	got := page{status: res.StatusCode, body: string(body)}
	if to, err := res.Location(); err == nil {
		got.location = to.String()
	}
	return got, err
}

// follow opens an address and what it redirects to, until a page comes or the
// next address holds the text.
func (p phone) follow(address, until string) page {
	p.t.Helper()
	for range 10 {
		got := p.ask(http.MethodGet, address, nil)
		if got.location == "" || until != "" && strings.Contains(got.location, until) {
			return got
		}
		address = got.location
	}
	p.t.Fatalf("too many redirects, the last to %s", address)
	return page{}
}

// signsIn goes from the visitor's address by way of our consent page to the
// profile.
func (p phone) signsIn(address string) page {
	p.t.Helper()
	got := p.follow(address+"/", "")
	link := regexp.MustCompile(`href="([^"]*/login\?[^"]*consent=1[^"]*)"`).FindStringSubmatch(got.body)
	if link == nil {
		p.t.Fatalf("no consent page, but %d:\n%s", got.status, got.body)
	}
	return p.follow(address+strings.ReplaceAll(link[1], "&amp;", "&"), "")
}

// A whole run: a first visit, a second one that needs no WeChat, an admin's link
// from another process on the same database, a backup, and the end.
func TestServe(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{})
	wechat := httptest.NewServer(sim)
	defer wechat.Close()
	database := filepath.Join(t.TempDir(), "wxlogin.db")
	service, address := startService(t, sim, wechat.URL, database)

	lin := newPhone(t, address, wechat.URL, "lin")
	profile := lin.signsIn(publicURL)
	if profile.status != http.StatusOK || !strings.Contains(profile.body, "林小满") {
		t.Fatalf("no profile after signing in, but %d:\n%s", profile.status, profile.body)
	}
	calls := len(sim.Calls())
	if again := lin.ask(http.MethodGet, publicURL+"/", nil); again.status != http.StatusOK || !strings.Contains(again.body, "林小满") {
		t.Errorf("no profile on the second visit, but %d", again.status)
	}
	if got := len(sim.Calls()); got != calls {
		t.Errorf("the second visit asked WeChat %d times", got-calls)
	}

	other := []string{
		"WXLOGIN_PUBLIC_URL=" + publicURL, "WXLOGIN_DATABASE_URL=sqlite:" + database,
		"WXLOGIN_APPID=" + sim.AppID(), "WXLOGIN_APPSECRET=" + sim.Secret(),
	}
	link := runs(t, other, "admin", "link")
	link.wantExit(0)
	desktop := newPhone(t, address, "", "")
	wantAdmin(t, desktop, publicURL, strings.TrimSpace(link.stdout.text()), "林小满")

	// The same, put out from another process.
	sessions := runs(t, other, "admin", "sessions")
	sessions.wantExit(0)
	line := strings.Split(strings.TrimSpace(sessions.stdout.text()), "\t")
	if len(line) != 6 || len(line[0]) != 36 || !strings.HasPrefix(line[1], "let in ") || line[4] != "127.0.0.1" {
		t.Fatalf("the browsers that are in: %q", line)
	}
	end := runs(t, other, "admin", "end", line[0])
	end.wantExit(0)
	if got := desktop.ask(http.MethodGet, publicURL+"/admin", nil); got.status != http.StatusUnauthorized {
		t.Errorf("after it has been ended, the browser gets %d", got.status)
	}
	runs(t, other, "admin", "end", line[0]).wantExit(1)

	backup := runs(t, other, "backup", filepath.Join(t.TempDir(), "copy.db"))
	backup.wantExit(0)

	service.terminate()
	service.wantExit(0)
	if log := service.stderr.text(); strings.Contains(log, sim.Secret()) {
		t.Error("the log holds the AppSecret")
	}

	// Without its keys it does not start as if all were well.
	keys := must(os.ReadFile(database + ".keys"))
	if err := os.Remove(database + ".keys"); err != nil {
		t.Fatal(err)
	}
	lost := runs(t, other, "admin", "list")
	lost.wantExit(1)
	if said := lost.stderr.text(); !strings.Contains(said, database+".keys is gone") || !strings.Contains(said, "WXLOGIN_KEYS") {
		t.Errorf("without the keys it says %s", said)
	}
	if _, err := os.Stat(database + ".keys"); err == nil {
		t.Error("new keys were made")
	}
	runs(t, append(other, "WXLOGIN_KEYS="+strings.TrimSpace(string(keys))), "admin", "list").wantExit(0)
}

// wantAdmin opens an admin link in a browser, presses its button and finds the
// nickname in the list; the link then works for no other.
func wantAdmin(t *testing.T, browser phone, base, link, nickname string) {
	t.Helper()
	opened := browser.ask(http.MethodGet, link, nil)
	if opened.status != http.StatusOK || !strings.Contains(opened.body, `action="/admin/link"`) {
		t.Fatalf("the admin link shows no button, but %d:\n%s", opened.status, opened.body)
	}
	token := url.Values{"token": {must(url.Parse(link)).Query().Get("token")}}
	if got := browser.ask(http.MethodPost, base+"/admin/link", token); got.status != http.StatusSeeOther || got.location != base+"/admin" {
		t.Fatalf("the button leads to %d %s:\n%s", got.status, got.location, got.body)
	}
	if got := browser.ask(http.MethodGet, base+"/admin/users", nil); got.status != http.StatusOK || !strings.Contains(got.body, nickname) {
		t.Errorf("the list has no %s, but is %d:\n%s", nickname, got.status, got.body)
	}
	if got := browser.ask(http.MethodPost, base+"/admin/link", token); got.status == http.StatusSeeOther {
		t.Error("the link worked twice")
	}
}

// A login that is in flight when the process is asked to stop is finished: the
// visitor's code is spent and would be lost.
func TestSIGTERMFinishesLogins(t *testing.T) {
	asked := make(chan struct{}, 1)
	sim := wechatsim.New(wechatsim.Config{OnCall: func(c wechatsim.Call) {
		if c.Endpoint == wechatsim.Token {
			asked <- struct{}{}
		}
	}})
	wechat := httptest.NewServer(sim)
	defer wechat.Close()
	service, address := startService(t, sim, wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db"))
	lin := newPhone(t, address, wechat.URL, "lin")

	answer := make(chan struct{})
	sim.Plan(wechatsim.Token, wechatsim.Fault{Until: answer})
	callback := lin.follow(publicURL+"/login?return_to=/&consent=1", "/callback").location
	type result struct {
		page
		err error
	}
	done := make(chan result, 1)
	go func() {
		got, err := lin.try(http.MethodGet, callback, nil)
		done <- result{got, err}
	}()
	receive(t, asked, "WeChat was not asked")

	service.terminate()
	service.stderr.wait(t, `"msg":"stopping`)
	if got, err := newPhone(t, address, "", "").try(http.MethodGet, publicURL+"/readyz", nil); err == nil && got.status == http.StatusOK {
		t.Error("a stopping service says that it is ready")
	}
	close(answer)

	got := receive(t, done, "the login was not answered")
	if got.err != nil || got.status/100 != 3 || got.location != publicURL+"/" {
		t.Errorf("the login in flight got %d %s, %v", got.status, got.location, got.err)
	}
	service.wantExit(0)
}

func receive[T any](t *testing.T, c <-chan T, otherwise string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal(otherwise)
		panic("unreachable")
	}
}

// The health check is 0 for a service that runs and 1 for one that does not.
func TestHealthcheck(t *testing.T) {
	sim := wechatsim.New(wechatsim.Config{})
	service, address := startService(t, sim, "http://127.0.0.1:1", filepath.Join(t.TempDir(), "wxlogin.db"))
	variables := []string{"WXLOGIN_ADDR=" + address, "WXLOGIN_PUBLIC_URL=" + publicURL}

	alive := runs(t, variables, "healthcheck")
	alive.wantExit(0)
	// As in a container, where the service listens everywhere.
	_, port, _ := net.SplitHostPort(address)
	everywhere := runs(t, []string{"WXLOGIN_ADDR=0.0.0.0:" + port, variables[1]}, "healthcheck")
	everywhere.wantExit(0)

	service.terminate()
	service.wantExit(0)
	dead := runs(t, variables, "healthcheck")
	dead.wantExit(1)
	if said := dead.stderr.text(); !strings.HasPrefix(said, "server: not ready: ") || strings.Count(said, "\n") != 1 {
		t.Errorf("the health check says %q", said)
	}
}

// The demonstration needs nothing, and every address that it prints works.
func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	demo := start(t, []string{"TMPDIR=" + temporary}, "demo", "--addr=127.0.0.1:0", "--simulator-addr=127.0.0.1:0", "--app-addr=127.0.0.1:0")
	demo.stdout.wait(t, "Ctrl+C")
	printed := printedAddresses(t, demo.stdout.text())
	base := strings.TrimSuffix(printed.visitor, "/")

	browser := newPhone(t, "", strings.TrimSuffix(printed.simulator, "/"), "wang")
	if got := browser.signsIn(base); got.status != http.StatusOK || !strings.Contains(got.body, "王大锤") {
		t.Errorf("the visitor's address leads to %d:\n%s", got.status, got.body)
	}
	wantAdmin(t, browser, base, printed.admin, "王大锤")
	if got := browser.ask(http.MethodGet, printed.simulator, nil); got.status != http.StatusOK || !strings.Contains(got.body, "微信模拟器") {
		t.Errorf("the simulator's address leads to %d", got.status)
	}

	demo.terminate()
	demo.wantExit(0)
	if left := must(os.ReadDir(temporary)); len(left) > 0 {
		t.Errorf("the demonstration leaves %s behind", left[0].Name())
	}
}

type addresses struct{ visitor, admin, simulator, app string }

// printedAddresses reads what the demonstration prints.
func printedAddresses(t *testing.T, text string) addresses {
	t.Helper()
	of := func(name string) string {
		found := regexp.MustCompile(name + ` +(http://\S+)`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("the demonstration prints no address of the %s:\n%s", name, text)
		}
		return found[1]
	}
	return addresses{of("visitor"), of("admin"), of("simulator"), of("app")}
}
