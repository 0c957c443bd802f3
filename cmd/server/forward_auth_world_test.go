package main_test

import (
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
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/programs"
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

// newProtectedSite starts everything with the recipe of nginx or caddy.
func newProtectedSite(t *testing.T, recipe string) *protectedSite {
	t.Helper()
	return newProtectedSiteBy(t, recipe, programs.Find(t, "Debian: apt-get install "+recipe, recipe, "/usr/sbin/"+recipe))
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

// tlsConfig takes any certificate: the proxy is a process of ours on an address
// of ours.
func (g *protectedSite) tlsConfig(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true}
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
