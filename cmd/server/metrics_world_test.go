package main_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"wxlogin/internal/wechat/wechatsim"
)

// monitored is a service with /metrics, and the people who come to it.
type monitored struct {
	t       *testing.T
	sim     *wechatsim.Simulator
	wechat  string
	service *process
	address string
	metrics string
}

func newMonitored(t *testing.T, variables ...string) *monitored {
	t.Helper()
	m := &monitored{t: t, sim: wechatsim.New(wechatsim.Config{})}
	wechat := httptest.NewServer(m.sim)
	t.Cleanup(wechat.Close)
	m.wechat = wechat.URL
	m.service, m.address = startService(t, m.sim, m.wechat, filepath.Join(t.TempDir(), "wxlogin.db"),
		append([]string{"WXLOGIN_METRICS_ADDR=127.0.0.1:0"}, variables...)...)
	var said struct{ Address string }
	if err := json.Unmarshal([]byte(m.service.stderr.wait(t, `"msg":"metrics"`)), &said); err != nil {
		t.Fatal(err)
	}
	m.metrics = said.Address
	return m
}

func (m *monitored) phone(person string) phone {
	m.t.Helper()
	return newPhone(m.t, m.address, m.wechat, person)
}

// scrape reads /metrics as Prometheus does.
func (m *monitored) scrape() scraped {
	m.t.Helper()
	res, err := http.Get(m.metrics)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return families
}

// scraped is one answer of /metrics.
type scraped map[string]*dto.MetricFamily

// value adds up the series of a metric that have these labels, given as name,
// value, name, value; of a histogram, what it has observed. It is -1 when there is
// none.
func (s scraped) value(name string, labels ...string) float64 {
	sum, found := 0.0, false
	for _, metric := range s[name].GetMetric() {
		has := make(map[string]string)
		for _, label := range metric.GetLabel() {
			has[label.GetName()] = label.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if !fits {
			continue
		}
		found = true
		sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
	}
	if !found {
		return -1
	}
	return sum
}

// labels are the names of a metric's labels.
func (s scraped) labels(name string) []string {
	names := make(map[string]bool)
	for _, metric := range s[name].GetMetric() {
		for _, label := range metric.GetLabel() {
			names[label.GetName()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// begins goes to WeChat and comes to a stop there; it returns the state of the
// trip.
func (p phone) begins() (state string) {
	p.t.Helper()
	return must(url.Parse(p.ask(http.MethodGet, publicURL+"/login?return_to=/", nil).location)).Query().Get("state")
}

// signsInDesktop lets the phone, whose person is signed in, confirm a desktop.
func (m *monitored) signsInDesktop(phone phone) {
	m.t.Helper()
	desktop := newPhone(m.t, m.address, "", "")
	shown := desktop.ask(http.MethodGet, publicURL+"/scan", nil).body
	find := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(shown)
		if found == nil {
			m.t.Fatalf("no %s on the page with the code:\n%s", pattern, shown)
		}
		return publicURL + strings.ReplaceAll(found[1], "&amp;", "&")
	}
	events, done := find(`data-events="([^"]+)"`), find(`data-done="([^"]+)"`)
	ticket := publicURL + "/scan/" + must(url.Parse(events)).Query().Get("ticket")
	stream, err := desktop.Get(events)
	if err != nil {
		m.t.Fatal(err)
	}
	defer stream.Body.Close()
	if got := m.scrape().value("wxlogin_scan_streams"); got != 1 {
		m.t.Errorf("%v open streams, and there is one", got)
	}
	phone.ask(http.MethodGet, ticket, nil)
	phone.ask(http.MethodPost, ticket, url.Values{"answer": {"confirm"}})
	if got := desktop.ask(http.MethodGet, done, nil); got.status != http.StatusSeeOther {
		m.t.Fatalf("the desktop is not signed in, but gets %d", got.status)
	}
	desktop.ask(http.MethodGet, done, nil) // again: the same session
}
