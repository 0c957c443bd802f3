//go:build compat

package compat_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/compat/record"
)

// PostgreSQL in WebAssembly, as tests of applications use it: a service starts on it and
// signs people in, one after the other and side by side. All connections to it are one
// session (findings/pglite-one-session.sh), so it shows nothing of several replicas.
func TestPGlite(t *testing.T) {
	folder := npmInstall(t, "testdata/pglite", "install", "--no-package-lock", "--legacy-peer-deps")
	database := exec.Command("node", filepath.Join(folder, "serve.mjs"))
	database.Stderr = os.Stderr
	var at struct {
		Version string
		Port    int
	}
	if line := start(t, database)(); json.Unmarshal([]byte(line), &at) != nil {
		t.Fatal(line)
	}
	sees := record.Of(t, record.Databases, "PGlite", moduleVersion(t, folder, "@electric-sql/pglite")+" (PostgreSQL "+at.Version+")", "a start and logins")
	s := startService(t) // for the program
	sim := startSimulator(t)
	keys, err := exec.Command(s.program, "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(keys))
	address := freeAddress(t)
	service := exec.Command(s.program, "serve")
	service.Dir = t.TempDir()
	service.Env = append(os.Environ(), "WXLOGIN_ADDR="+address, "WXLOGIN_PUBLIC_URL=http://"+address, "WXLOGIN_APPID="+appID, "WXLOGIN_APPSECRET="+secret,
		"WXLOGIN_KEYS="+words[len(words)-1], "WXLOGIN_WECHAT_OPEN_URL="+sim.plain, "WXLOGIN_WECHAT_API_URL="+sim.plain, "WXLOGIN_RATE_LIMIT=0",
		"WXLOGIN_DATABASE_URL=postgres://postgres@127.0.0.1:"+strconv.Itoa(at.Port)+"/postgres?sslmode=disable")
	service.Stderr = os.Stderr
	start(t, service)
	reachable(t, address)
	ready(t, "http://"+address+"/readyz")

	one, many := 0, 0
	for range 10 {
		if signIn("http://" + address) {
			one++
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if signIn("http://" + address) {
					mu.Lock()
					many++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if one < 10 {
		t.Errorf("%d of 10 people have signed in", one)
	}
	sees("starts, migrates and signs in one after the other; of 40 people at eight at a time, %d signed in. All connections are one session: good for one process on a desk, no proof for replicas", many)
}

// ready waits until a service says that it is.
func ready(t *testing.T, address string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(address)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Since(began) > patience {
			t.Fatal("not ready: ", err)
		}
	}
}
