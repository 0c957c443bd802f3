package main_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

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
