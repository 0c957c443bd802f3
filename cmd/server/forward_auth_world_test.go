package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// The names of the recipes, and a second protected site beside theirs. stray is
// protected too, but no login may lead back to it.
const (
	loginSite = "https://login.example.com"
	shop      = "https://shop.example.com"
	blog      = "https://blog.example.com"
	stray     = "https://stray.example.com"
)

// protectedSite is a real proxy with the configuration of our recipe for it, in front of
// a real service and an application that remembers what it got.
//
// Between the proxy and the two stands a listener each, which hears every byte
// that the proxy sends.
type protectedSite struct {
	sim      *wechatsim.Simulator
	wechat   string // address of the simulated WeChat
	settings []string
	database string
	service  *process

	toService *tap
	toApp     *tap
	proxy     string // host:port

	name, version  string // of the proxy, as it says it
	passesSession  bool   // the application gets the session's cookie
	passesTrailers bool   // the application gets a request's trailers
	believesAny200 bool   // it looks at nothing else of wxlogin's answer
	readsBodyFirst bool   // before it shows the page that says no
	holdsRefusal   bool   // until the body is there, and says no 100 Continue
	servesFiles    bool   // its recipe has the single-page application
	sees           func(format string, args ...any)
}

// builtVariable names a folder of proxies that make compat has built.
const builtVariable = "COMPAT_PROGRAMS"

// proxies are their names, what asks for their versions, and what they are in Debian.
var proxies = map[string]struct {
	name string
	asks []string
}{
	"nginx": {"nginx", []string{"-v"}}, "caddy": {"Caddy", []string{"version"}}, "traefik": {"Traefik", []string{"version"}},
	"haproxy": {"HAProxy", []string{"-v"}}, "apache2": {"Apache", []string{"-v"}},
}

var versionForm = regexp.MustCompile(`\d+\.\d+\.\d+\S*`)

// newProtectedSite starts everything with the recipe of nginx or caddy.
func newProtectedSite(t *testing.T, recipe string) *protectedSite {
	t.Helper()
	program, err := exec.LookPath(recipe)
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/" + recipe) // not on everybody's path
	}
	if err != nil {
		if inCI() {
			t.Fatalf("%s is missing: .ci/run installs it", recipe)
		}
		t.Skipf("%s is not installed here (Debian: apt-get install %[1]s)", recipe)
	}
	return newProtectedSiteBy(t, recipe, program)
}

// newProtectedSiteBy is newProtectedSite with this program for the proxy.
func newProtectedSiteBy(t *testing.T, recipe, program string) *protectedSite {
	t.Helper()
	said, err := exec.Command(program, proxies[recipe].asks...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, proxies[recipe].asks, err, said)
	}
	version := versionForm.FindString(string(said))
	if built, err := buildinfo.ReadFile(program); version == "" && err == nil {
		version = strings.TrimPrefix(built.Main.Version, "v") // Caddy of go install says "unknown"
	}
	g := &protectedSite{name: proxies[recipe].name, version: version, passesSession: recipe == "traefik", sim: wechatsim.New(wechatsim.Config{CallbackHosts: []string{"login.example.com"}})}
	g.believesAny200 = recipe != "apache2"
	g.readsBodyFirst = recipe == "nginx"
	g.servesFiles = recipe == "nginx" || recipe == "caddy"
	wechat := httptest.NewServer(g.sim)
	t.Cleanup(wechat.Close)
	app := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(app.Close)
	g.wechat, g.database = wechat.URL, filepath.Join(t.TempDir(), "wxlogin.db")

	serviceAddress := freeAddress(t)
	g.toService, g.toApp = newTap(t, serviceAddress), newTap(t, app.Listener.Addr().String())
	g.settings = append(recipeSettings(t, recipe),
		"WXLOGIN_ADDR="+serviceAddress,
		"WXLOGIN_APPID="+g.sim.AppID(),
		"WXLOGIN_APPSECRET="+g.sim.Secret(),
		"WXLOGIN_DATABASE_URL=sqlite:"+g.database,
		"WXLOGIN_WECHAT_OPEN_URL="+g.wechat,
		"WXLOGIN_WECHAT_API_URL="+g.wechat,
		"WXLOGIN_RATE_LIMIT=0",
	)
	g.startService(t)
	g.proxy = freeAddress(t)
	switch recipe {
	case "nginx":
		g.startNginx(t, program)
	case "caddy":
		g.startCaddy(t, program)
	case "haproxy":
		g.startHAProxy(t, program)
	case "apache2":
		g.startApache(t, program)
	case "traefik":
		g.startTraefik(t, program)
	}
	return g
}

func (g *protectedSite) startService(t *testing.T) {
	t.Helper()
	g.service = startProgram(t, plainProgram(t), t.TempDir(), g.settings)
	g.service.stderr.wait(t, `"msg":"wxlogin is ready"`)
}

// recipeSettings are the settings of wxlogin that a recipe's compose file has,
// with one more site.
func recipeSettings(t *testing.T, recipe string) []string {
	t.Helper()
	var settings []string
	if recipe != "nginx" && recipe != "caddy" {
		recipe = "nginx" // they need the same
	}
	compose := readFile(t, "../../examples/"+recipe+"/compose.yml")
	for _, found := range regexp.MustCompile(`(?m)^ +(WXLOGIN_(\w+)): (.+)$`).FindAllStringSubmatch(compose, -1) {
		switch found[2] {
		case "ADDR", "APPID", "APPSECRET":
		case "RETURN_HOSTS":
			settings = append(settings, found[1]+"="+found[3]+",blog.example.com")
		default:
			settings = append(settings, found[1]+"="+found[3])
		}
	}
	if len(settings) < 4 {
		t.Fatalf("the compose file of %s has only %q", recipe, settings)
	}
	return settings
}

// startNginx runs the recipe's configuration. Only its addresses and folders are
// changed, and it is given a second and a third site.
func (g *protectedSite) startNginx(t *testing.T, program string) {
	t.Helper()
	folder := t.TempDir()
	certificate, key := newCertificate(t, folder)
	temporary := "http {"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("\n%s_temp_path %s;", kind, filepath.Join(folder, kind))
	}
	conf := edited(t, "../../examples/nginx/nginx.conf",
		"http {", temporary+"\naccess_log off;",
		"listen 443 ssl", "listen "+g.proxy+" ssl",
		"/etc/ssl/example.com/fullchain.pem", certificate,
		"/etc/ssl/example.com/privkey.pem", key,
		"server 127.0.0.1:8007;", "server "+g.toService.address()+";",
		"server 127.0.0.1:9000;", "server "+g.toApp.address()+";",
		"server_name shop.example.com;", "server_name shop.example.com blog.example.com stray.example.com;",
		"root /srv/www;", "root "+examples(t)+";",
		"proxy_read_timeout 10s;", "proxy_read_timeout 1s;",
	)
	file := filepath.Join(folder, "nginx.conf")
	writeFile(t, file, conf)
	g.run(t, exec.Command(program, "-p", folder, "-c", file, "-e", "stderr",
		"-g", "daemon off; master_process off; pid "+filepath.Join(folder, "pid")+";"))
}

// startCaddy runs the recipe's configuration with its own certificates in place
// of Let's Encrypt's.
func (g *protectedSite) startCaddy(t *testing.T, program string) {
	t.Helper()
	folder := t.TempDir()
	_, port, err := net.SplitHostPort(g.proxy)
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("{\n\tadmin off\n\tpersist_config off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n"+
		"\tdefault_bind 127.0.0.1\n\thttps_port %s\n\tstorage file_system %s\n}\n", port, folder)
	if out, err := exec.Command(program, "version").Output(); err == nil && regexp.MustCompile(`^v?2\.[0-6]\.`).Match(out) {
		options = strings.Replace(options, "\tpersist_config off\n", "", 1) // not known before 2.7
	}
	conf := options + edited(t, "../../examples/caddy/Caddyfile",
		"127.0.0.1:8007 {", g.toService.address()+" {",
		"reverse_proxy 127.0.0.1:8007", "reverse_proxy "+g.toService.address(),
		"reverse_proxy 127.0.0.1:9000", "reverse_proxy "+g.toApp.address(),
		"shop.example.com {", "shop.example.com, blog.example.com, stray.example.com {",
		"root * /srv/www", "root * "+examples(t),
		"response_header_timeout 10s", "response_header_timeout 1s",
	)
	file := filepath.Join(folder, "Caddyfile")
	writeFile(t, file, conf)
	command := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	g.run(t, command)
}

// startTraefik runs the recipe's files with a certificate in place of Let's Encrypt's.
func (g *protectedSite) startTraefik(t *testing.T, program string) {
	t.Helper()
	folder := t.TempDir()
	certificate, key := newCertificate(t, folder)
	dynamic := filepath.Join(folder, "dynamic.yml")
	writeFile(t, dynamic, edited(t, "../../examples/traefik/dynamic.yml",
		"http://127.0.0.1:8007/verify", "http://"+g.toService.address()+"/verify",
		"url: http://127.0.0.1:8007", "url: http://"+g.toService.address(),
		"url: http://127.0.0.1:9000", "url: http://"+g.toApp.address(),
		"Host(`shop.example.com`)", "Host(`shop.example.com`) || Host(`blog.example.com`) || Host(`stray.example.com`)",
		"tls: {certResolver: letsencrypt}", "tls: {}",
	)+fmt.Sprintf("\ntls:\n  stores:\n    default:\n      defaultCertificate: {certFile: %s, keyFile: %s}\n", certificate, key))
	static := edited(t, "../../examples/traefik/traefik.yml",
		`address: ":80"`, "address: "+freeAddress(t),
		`address: ":443"`, "address: "+g.proxy,
		"/etc/traefik/dynamic.yml", dynamic,
	)
	static = static[:strings.Index(static, "certificatesResolvers:")]
	file := filepath.Join(folder, "traefik.yml")
	writeFile(t, file, static+"global: {checkNewVersion: false, sendAnonymousUsage: false}\n")
	g.run(t, exec.Command(program, "--configFile="+file))
}

// startHAProxy runs the recipe's configuration and its script.
func (g *protectedSite) startHAProxy(t *testing.T, program string) {
	t.Helper()
	folder := t.TempDir()
	certificate, key := newCertificate(t, folder)
	both := filepath.Join(folder, "both.pem")
	writeFile(t, both, readFile(t, certificate)+readFile(t, key))
	script := filepath.Join(folder, "wxlogin.lua")
	writeFile(t, script, edited(t, "../../examples/haproxy/wxlogin.lua", "127.0.0.1:8007", g.toService.address(), "timeout = 3000", "timeout = 500"))
	file := filepath.Join(folder, "haproxy.cfg")
	writeFile(t, file, edited(t, "../../examples/haproxy/haproxy.cfg",
		"/etc/haproxy/wxlogin.lua", script,
		"bind :443", "bind "+g.proxy,
		"/etc/ssl/example.com/both.pem", both,
		"hdr(host) -i shop.example.com", "hdr(host) -i shop.example.com blog.example.com stray.example.com",
		"server one 127.0.0.1:8007", "server one "+g.toService.address(),
		"server one 127.0.0.1:9000", "server one "+g.toApp.address(),
	))
	g.run(t, exec.Command(program, "-db", "-f", file))
}

// startApache runs the recipe's site and its script, with the modules that the recipe
// names and what Debian's configuration has beside them.
func (g *protectedSite) startApache(t *testing.T, program string) {
	t.Helper()
	// As root it serves as another user, who must be able to read the script.
	folder := must(os.MkdirTemp("", "apache-"))
	t.Cleanup(func() { os.RemoveAll(folder) })
	certificate, key := newCertificate(t, folder)
	host, port, err := net.SplitHostPort(g.toService.address())
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(folder, "wxlogin.lua")
	writeFile(t, script, edited(t, "../../examples/apache/wxlogin.lua",
		`"127.0.0.1", 8007`, `"`+host+`", `+port, "timeout = 3 ", "timeout = 1 "))
	conf := fmt.Sprintf("ServerRoot %[1]s\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\nErrorLog /dev/stderr\nListen %[2]s\n", folder, g.proxy)
	if os.Geteuid() == 0 {
		conf += "User www-data\nGroup www-data\n"
		for _, path := range []string{folder, script} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, module := range []string{"mpm_event", "authz_core", "headers", "lua", "proxy", "proxy_http", "ssl"} {
		conf += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	conf += edited(t, "../../examples/apache/wxlogin.conf",
		"/etc/apache2/wxlogin.lua", script,
		"/etc/ssl/example.com/fullchain.pem", certificate,
		"/etc/ssl/example.com/privkey.pem", key,
		"*:443", g.proxy,
		"ServerName shop.example.com", "ServerName shop.example.com\nServerAlias blog.example.com stray.example.com",
		"http://127.0.0.1:8007/", "http://"+g.toService.address()+"/",
		"http://127.0.0.1:9000/", "http://"+g.toApp.address()+"/",
	)
	file := filepath.Join(folder, "apache.conf")
	writeFile(t, file, conf)
	g.run(t, exec.Command(program, "-X", "-f", file))
}

// run starts the proxy and waits until it serves.
func (g *protectedSite) run(t *testing.T, command *exec.Cmd) {
	t.Helper()
	said, exited := newLines(), make(chan struct{})
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		command.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("%s\n%s", command.Path, said.text())
		}
	})
	const between = 20 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		conn, err := tls.Dial("tcp", g.proxy, g.tlsConfig("shop.example.com"))
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("the proxy does not start:\n%s", said.text())
		case <-time.After(between):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the proxy does not serve: %v\n%s", err, said.text())
		}
	}
}

// tlsConfig takes any certificate: the proxy is a process of ours on an address
// of ours.
func (g *protectedSite) tlsConfig(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true}
}

// edited is a file with every old text replaced by its new one. A text that is
// not there is an error: the recipe has changed and the test with it.
func edited(t *testing.T, file string, oldnew ...string) string {
	t.Helper()
	content := readFile(t, file)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(content, oldnew[i]) {
			t.Fatalf("%s has no %q", file, oldnew[i])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(content)
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func examples(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// newCertificate makes a certificate that nobody has signed.
func newCertificate(t *testing.T, folder string) (certificate, key string) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"*.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	certificate, key = filepath.Join(folder, "fullchain.pem"), filepath.Join(folder, "privkey.pem")
	writeFile(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))})))
	return certificate, key
}

// got is what the application got.
type got struct {
	Method, URI, Body string
	Header, Trailer   http.Header
}

// echo is an application that answers with what it got. The path /refuses is not
// for everybody.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what has come is what counts
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/refuses" {
		w.WriteHeader(http.StatusUnauthorized)
	}
	json.NewEncoder(w).Encode(got{r.Method, r.RequestURI, string(body), r.Header, r.Trailer})
}

// tap passes connections on and keeps what the clients say.
type tap struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	ctx      context.Context // of the connections to the target
	cut      context.CancelFunc
	passing  *sync.WaitGroup // those connections
	buf      bytes.Buffer
}

func newTap(t *testing.T, target string) *tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tp := &tap{listener: listener, cut: func() {}, passing: new(sync.WaitGroup)}
	tp.leadTo(target)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { tp.pass(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		tp.leadTo("")
		tp.cut()
		open.Wait()
	})
	return tp
}

// leadTo gives connections another target and cuts those to the old one, which
// answers nothing any more when leadTo returns. It returns the old one.
func (tp *tap) leadTo(target string) string {
	tp.mu.Lock()
	tp.cut()
	old, passing := tp.target, tp.passing
	tp.target, tp.passing = target, new(sync.WaitGroup)
	tp.ctx, tp.cut = context.WithCancel(context.Background())
	tp.mu.Unlock()
	passing.Wait()
	return old
}

func (tp *tap) address() string { return tp.listener.Addr().String() }

func (tp *tap) pass(from net.Conn) {
	defer from.Close()
	tp.mu.Lock()
	ctx, target, passing := tp.ctx, tp.target, tp.passing
	passing.Add(1)
	tp.mu.Unlock()
	defer passing.Done()
	to, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	defer context.AfterFunc(ctx, func() { from.Close(); to.Close() })()
	back := make(chan struct{})
	go func() {
		defer close(back)
		io.Copy(from, to)
		from.Close()
	}()
	io.Copy(to, io.TeeReader(from, tp))
	to.Close()
	<-back
}

func (tp *tap) Write(p []byte) (int, error) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.buf.Write(p)
}

// heard is what has passed since it was last asked.
func (tp *tap) heard() string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	defer tp.buf.Reset()
	return tp.buf.String()
}

// visitor is somebody with a browser, on the internet before the proxy.
type visitor struct {
	t     *testing.T
	g     *protectedSite
	agent string
	http.Client
}

// visitor makes a browser whose person consents to everything. Names of
// example.com are found at the proxy; there are no others.
func (g *protectedSite) visitor(t *testing.T, agent, person string) *visitor {
	t.Helper()
	jar := must(cookiejar.New(nil))
	jar.SetCookies(must(url.Parse(g.wechat)), []*http.Cookie{
		{Name: wechatsim.CookiePerson, Value: person},
		{Name: wechatsim.CookieConsent, Value: wechatsim.AnswerAllow},
	})
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			switch {
			case strings.HasSuffix(to, ".example.com:443"):
				to = g.proxy
			case to != must(url.Parse(g.wechat)).Host:
				return nil, fmt.Errorf("the browser was sent to %s", to)
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
		TLSClientConfig:   g.tlsConfig(""),
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, g: g, agent: agent, Client: http.Client{
		Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (g *protectedSite) phone(t *testing.T, person string) *visitor {
	return g.visitor(t, weChatBrowser, person)
}

// answer is what came back.
type answer struct {
	t      *testing.T
	url    *url.URL
	status int
	header http.Header
	body   string
}

// asks sends one request as a navigating browser does, with these header lines
// besides, and follows nothing.
func (v *visitor) asks(method, address, body string, lines ...string) answer {
	v.t.Helper()
	got, err := v.try(method, address, body, lines...)
	if err != nil {
		v.t.Fatal(err)
	}
	return got
}

func (v *visitor) try(method, address, body string, lines ...string) (answer, error) {
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", v.agent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := v.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return answer{v.t, req.URL, res.StatusCode, res.Header, string(content)}, err
}

func (v *visitor) gets(address string) answer {
	v.t.Helper()
	return v.asks(http.MethodGet, address, "")
}

// opens opens an address and goes where it leads.
func (v *visitor) opens(address string) answer {
	v.t.Helper()
	a := v.gets(address)
	for range 10 {
		if a.status/100 != 3 {
			return a
		}
		a = v.gets(a.leadsTo())
	}
	v.t.Fatalf("redirects without end, from %s to %s", address, a.url)
	return a
}

var consentButton = regexp.MustCompile(`href="([^"]*/login\?[^"]*consent=1[^"]*)"`)

// signsIn opens a site for the first time, says yes if asked, and is there in the
// end.
func (v *visitor) signsIn(address string) answer {
	v.t.Helper()
	a := v.opens(address)
	if button := consentButton.FindStringSubmatch(a.body); button != nil {
		a = v.opens(loginSite + html.UnescapeString(button[1]))
	}
	if a.url.String() != address || a.status != http.StatusOK {
		v.t.Fatalf("the login ends at %s with %d, want %s", a.url, a.status, address)
	}
	return a
}

var sessionName = regexp.MustCompile(`^(__Host-|__Secure-)?wxlogin_[0-9a-f]{8}$`)

// session is the header line that makes somebody else's request the visitor's.
func (v *visitor) session() string {
	v.t.Helper()
	for _, cookie := range v.Jar.Cookies(must(url.Parse(shop))) {
		if sessionName.MatchString(cookie.Name) {
			return "Cookie: " + cookie.Name + "=" + cookie.Value
		}
	}
	v.t.Fatal("the browser holds no session for " + shop)
	return ""
}

func (a answer) leadsTo() string {
	a.t.Helper()
	to, err := a.url.Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" {
		a.t.Fatalf("%s: %d leads to %q, %v", a.url, a.status, a.header.Get("Location"), err)
	}
	return to.String()
}

// app is what the application got, which has to have answered.
func (a answer) app() got {
	a.t.Helper()
	var g got
	if err := json.Unmarshal([]byte(a.body), &g); err != nil || a.status != http.StatusOK || g.Header == nil {
		a.t.Fatalf("%s: the application has not answered, but %d:\n%s", a.url, a.status, a.body)
	}
	return g
}

// refused fails unless a script was told that nobody is signed in.
func (a answer) refused() {
	a.t.Helper()
	var problem struct {
		Status   int
		LoginURL string `json:"login_url"`
	}
	err := json.Unmarshal([]byte(a.body), &problem)
	if a.status != http.StatusUnauthorized || err != nil || problem.Status != http.StatusUnauthorized ||
		!strings.HasPrefix(problem.LoginURL, loginSite+"/") || a.header.Get("Location") != "" ||
		a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s: %d %v\n%s", a.url, a.status, a.header, a.body)
	}
}

// person is somebody of the simulator.
func (g *protectedSite) person(t *testing.T, key string) wechatsim.Person {
	t.Helper()
	people := g.sim.People()
	i := slices.IndexFunc(people, func(p wechatsim.Person) bool { return p.Key == key })
	if i < 0 {
		t.Fatalf("the simulator knows no %q", key)
	}
	return people[i]
}

// raw sends these bytes to the proxy as they are and returns the status of the
// first answer and its header; 0 when the proxy hangs up without one.
func (g *protectedSite) raw(t *testing.T, request string) (int, http.Header) {
	t.Helper()
	config := g.tlsConfig("shop.example.com")
	config.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", g.proxy, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, nil
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

// rawGet is a navigation of a phone as bytes; every line stands as it is.
func rawGet(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: " + weChatBrowser +
		"\r\nAccept: text/html\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}
