package web_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a visit costs, side by side with a bare net/http handler that writes the
// same bytes: go test -bench . -run '^$' ./internal/web
func BenchmarkRepeatVisit(b *testing.B) { benchmarkPath(b, "/") }
func BenchmarkVerify(b *testing.B)      { benchmarkPath(b, "/verify") }

// The same question by a person who has come by two doors: with the cookie of the one and
// with the token of the other.
func BenchmarkVerifyOfTwoDoors(b *testing.B) {
	w := newWorld(b, options{quiet: true, accounts: threeAccounts})
	phone := w.phone("lin")
	phone.signsIn()
	m := w.mini("lin", miniIPhone)
	m.signsIn()
	b.Run("cookie", func(b *testing.B) {
		ask(b, w.url+"/verify", "Cookie", w.cookieName("wxlogin")+"="+phone.cookie("wxlogin"))
	})
	b.Run("bearer", func(b *testing.B) { ask(b, w.url+"/verify", "Authorization", "Bearer "+m.token) })
}

func benchmarkPath(b *testing.B, path string) {
	w := newWorld(b, options{quiet: true})
	phone := w.phone("lin")
	phone.signsIn()
	sample := phone.get(path)
	if sample.Status != http.StatusOK {
		b.Fatalf("%s: status %d", path, sample.Status)
	}
	bare := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for name, values := range sample.Header {
			rw.Header()[name] = values
		}
		io.WriteString(rw, sample.Body)
	}))
	defer bare.Close()
	cookie := w.cookieName("wxlogin") + "=" + phone.cookie("wxlogin")
	b.Run("wxlogin", func(b *testing.B) { ask(b, w.url+path, "Cookie", cookie) })
	b.Run("bare", func(b *testing.B) { ask(b, bare.URL+path, "Cookie", cookie) })
}

// ask makes requests with a header on kept-alive connections from all cores.
func ask(b *testing.B, address, name, value string) {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
		DialContext:         (&net.Dialer{}).DialContext,
	}}
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set(name, value)
			req.Header.Set("User-Agent", iPhone)
			res, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
