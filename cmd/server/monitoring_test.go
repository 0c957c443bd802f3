package main_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/programs"
)

const (
	alertRules = "../../examples/prometheus/alerts.yml"
	dashboard  = "../../examples/grafana/wxlogin.json"
)

// panel is what matters of a part of a dashboard.
type panel struct {
	Type       string
	Title      string
	Datasource struct{ UID string }
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		Expr       string
		Datasource struct{ UID string }
	}
}

type variable struct {
	Name, Type, Definition string
}

// readDashboard returns the panels and the variables, after looking that Grafana
// will find all that it needs.
func readDashboard(t *testing.T) ([]panel, []variable) {
	t.Helper()
	var d struct {
		Title         string
		SchemaVersion int
		Templating    struct{ List []variable }
		Panels        []panel
	}
	if err := json.Unmarshal([]byte(readFile(t, dashboard)), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.SchemaVersion < 36 || len(d.Panels) == 0 {
		t.Fatalf("no dashboard of Grafana 10: %q, schema %d, %d panels", d.Title, d.SchemaVersion, len(d.Panels))
	}
	if !slices.ContainsFunc(d.Templating.List, func(v variable) bool { return v.Name == "datasource" && v.Type == "datasource" }) {
		t.Error("the data source is no variable")
	}
	return d.Panels, d.Templating.List
}

// expressions are all PromQL there is in the examples, by where it stands, with
// the dashboard's variables filled in.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	fill := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$job", "wxlogin")
	panels, variables := readDashboard(t)
	for _, p := range panels {
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("the panel %q asks nothing, or of a fixed data source, or is too wide", p.Title)
		}
		for i, target := range p.Targets {
			all[fmt.Sprintf("panel %s %d", p.Title, i)] = fill.Replace(target.Expr)
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("the panel %q asks a fixed data source", p.Title)
			}
		}
	}
	for _, v := range variables {
		if asked := regexp.MustCompile(`^label_values\((.+), \w+\)$`).FindStringSubmatch(v.Definition); asked != nil {
			all["variable "+v.Name] = fill.Replace(asked[1])
		}
	}
	rule := regexp.MustCompile(`(?m)^      - alert: (\w+)\n(?: +#.*\n)*        expr: (?:\|\n((?:          .*\n)+)|(.+)\n)`)
	for _, found := range rule.FindAllStringSubmatch(readFile(t, alertRules), -1) {
		all["alert "+found[1]] = found[2] + found[3]
	}
	if got, want := strings.Count(readFile(t, alertRules), "- alert:"), 15; got < want {
		t.Fatalf("only %d alerts", got)
	}
	for name, count := range map[string]int{"alert ": strings.Count(readFile(t, alertRules), "- alert:"), "panel ": 30, "variable ": 2} {
		found := 0
		for where := range all {
			if strings.HasPrefix(where, name) {
				found++
			}
		}
		if found < count {
			t.Fatalf("of the %ss only %d were found, want %d", name, found, count)
		}
	}
	return all
}

// Every metric that the dashboard and the alerts ask for is exported by a running
// service, with the labels that they go by.
func TestMonitoringAsksForWhatThereIs(t *testing.T) {
	m := newMonitored(t)
	m.allKinds()
	now := m.scrape()
	metric := regexp.MustCompile(`\b((?:wxlogin|go|process)_\w+)(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	grouped := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	for where, expr := range expressions(t) {
		known := []string{"le", "job", "instance"} // Prometheus's own
		names := metric.FindAllStringSubmatch(expr, -1)
		if len(names) == 0 && !strings.Contains(expr, "up{") {
			t.Errorf("%s asks for no metric: %s", where, expr)
		}
		for _, found := range names {
			name := found[1]
			if now[name] == nil {
				name = regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
			}
			if now[name] == nil {
				t.Errorf("%s asks for %s, which is not there", where, found[1])
				continue
			}
			known = append(known, now.labels(name)...)
			for _, l := range label.FindAllStringSubmatch(found[2], -1) {
				if !slices.Contains([]string{"job", "instance"}, l[1]) && !slices.Contains(now.labels(name), l[1]) {
					t.Errorf("%s: %s has no label %s", where, name, l[1])
				}
			}
		}
		for _, found := range grouped.FindAllStringSubmatch(expr, -1) {
			for name := range strings.SplitSeq(found[1], ", ") {
				if !slices.Contains(known, name) {
					t.Errorf("%s goes by %s, which is no label of what it asks for", where, name)
				}
			}
		}
	}
}

// Every alert says how bad it is, what it means, and which section of the
// documentation helps, and that section is there.
func TestAlertsLeadToTheDocumentation(t *testing.T) {
	texts := docs(t)
	rules := strings.Split(readFile(t, alertRules), "- alert: ")[1:]
	for _, rule := range rules {
		name, rest, _ := strings.Cut(rule, "\n")
		for _, want := range []string{"expr:", "severity: ", "summary:", "description:"} {
			if !strings.Contains(rest, want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
		link := regexp.MustCompile(`runbook: (docs/\S+\.md)#(\S+)`).FindStringSubmatch(rest)
		if link == nil || !slices.Contains(anchors(texts[link[1]]), link[2]) {
			t.Errorf("%s leads to no section: %q", name, link)
		}
	}
}

// Prometheus itself reads the examples: every expression parses, and the alerts
// come and do not come as they should.
func TestPrometheusTakesTheExamples(t *testing.T) {
	promtool := programs.Find(t, "Debian: apt-get install prometheus", "promtool")
	folder := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
	run("check", "config", "../../examples/prometheus/prometheus.yml") // with the alerts

	type rule struct {
		Record string            `json:"record"`
		Expr   string            `json:"expr"`
		Labels map[string]string `json:"labels"` // two panels may ask for the same
	}
	var rules []rule
	for where, expr := range expressions(t) {
		if !strings.HasPrefix(where, "alert ") {
			rules = append(rules, rule{"examples:dashboard", expr, map[string]string{"where": where}})
		}
	}
	group := map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}
	panels := filepath.Join(folder, "dashboard.yml") // JSON is YAML
	writeFile(t, panels, string(must(json.Marshal(group))))
	run("check", "rules", panels)

	tests := filepath.Join(folder, "alerts_test.yml")
	writeFile(t, tests, strings.Replace(readFile(t, "testdata/alerts_test.yml"), "RULES", must(filepath.Abs(alertRules)), 1))
	run("test", "rules", tests)
}
