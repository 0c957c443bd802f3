package web

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/templates"
)

func testRenderer(t *testing.T) *renderer {
	t.Helper()
	assets, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(rendererConfig{files: templates.FS, assets: assets, prefix: "/wx", fallback: "zh_CN", zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	seen := make(map[string]bool)
	for _, lang := range languages {
		for _, demo := range []*Demo{nil, {SimulatorURL: "http://127.0.0.1:8008/"}} {
			last := ""
			for _, s := range samples() {
				if demo != nil && s.page.file() == last {
					continue // what the demonstration adds is the same on every page
				}
				last = s.page.file()
				seen[s.page.file()] = true
				name := fmt.Sprintf("%s/%s/%s/demo=%t", lang, s.page.file(), s.name, demo != nil)
				shown, err := r.render(nil, frame{Lang: lang, RequestID: "01J9ZK3Q5", Demo: demo, Admin: s.admin, Path: s.path, Now: noon}, s.page)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for _, fault := range faults(string(shown), lang, s.says) {
					t.Errorf("%s: %s", name, fault)
				}
			}
		}
	}
	for _, p := range pages {
		if !seen[p.file()] {
			t.Errorf("%s has no sample", p.file())
		}
	}
}

// A page that cannot be parsed stops the start, whichever it is.
func TestABrokenTemplateStopsTheStart(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(templates.FS, name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []interface{ file() string }{pages[0], pages[len(pages)-1]} {
		name := p.file() + ".html"
		whole := files[name]
		files[name] = &fstest.MapFile{Data: []byte(`{{if .Page}}`)}
		if _, err := newRenderer(rendererConfig{files: files, assets: assets, fallback: "zh_CN", zone: time.UTC}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with a broken %s: %v", name, err)
		}
		files[name] = whole
	}
	if _, err := newRenderer(rendererConfig{files: files, assets: assets, fallback: "zh_CN", zone: time.UTC}); err != nil {
		t.Error(err)
	}
}

// The profile page put together from parts is the one that its template gives.
func FuzzProfileParts(f *testing.F) {
	assets, err := newAssets()
	if err != nil {
		f.Fatal(err)
	}
	// East of Greenwich by a part of an hour, so that no time looks like another.
	r, err := newRenderer(rendererConfig{files: templates.FS, assets: assets, prefix: "/wx", fallback: "zh_CN", zone: time.FixedZone("here", 5*3600+45*60)})
	if err != nil {
		f.Fatal(err)
	}
	demo := &Demo{SimulatorURL: "http://127.0.0.1:8008/"}
	for _, u := range people() {
		f.Add(u.ID, u.OpenID, u.Nickname, u.Country, u.Province, u.City, u.Sex, u.FirstLoginAt.UnixMilli(), u.LastLoginAt.UnixMilli(), u.LoginCount)
	}
	f.Add("a/b", "+\x00", "wxl0city0wxl", "", "+", "\xff", 1, int64(-1), int64(0), int64(-5))
	f.Add(" ", "", "", "&amp;", "x", "", 3, int64(0), int64(1)<<47, int64(1)<<62)
	f.Fuzz(func(t *testing.T, id, openID, nickname, country, province, city string, sex int, first, last, count int64) {
		u := auth.User{
			ID: id, OpenID: openID, FirstLoginAt: time.UnixMilli(first), LastLoginAt: time.UnixMilli(last), LoginCount: count,
			Profile: auth.Profile{Nickname: nickname, Sex: sex, Country: country, Province: province, City: city},
		}
		for _, lang := range languages {
			for _, demo := range []*Demo{nil, demo} {
				// What the page does not show must not be kept with its parts.
				frame := frame{Lang: lang, RequestID: nickname, Demo: demo, Path: city, Now: time.UnixMilli(last)}
				want, wantErr := r.execute(nil, frame, profilePage{User: &u})
				got, err := r.render([]byte("what was there before"), frame, profilePage{User: &u})
				if string(got) != string(want) || (err == nil) != (wantErr == nil) {
					t.Fatalf("%s: from parts\n%s%v\nby the template\n%s%v", lang, got, err, want, wantErr)
				}
				if _, ok := r.profiles.render(nil, frame, &u, r.execute); !ok && plainID(id) && sex >= 0 && sex <= 2 {
					t.Fatal("the page was not put together from parts")
				}
			}
		}
	})
}

// TestAgo wants every unit to say what it should.
func TestAgo(t *testing.T) {
	t.Parallel()
	w, err := readWords(templates.FS, "en")
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[time.Duration]string{
		-time.Hour:       "just now",
		59 * time.Second: "just now",
		time.Minute:      "1 min ago",
		59 * time.Minute: "59 min ago",
		time.Hour:        "1 h ago",
		47 * time.Hour:   "1 d ago",
		720 * time.Hour:  "30 d ago",
	} {
		if got, err := ago(w, noon, noon.Add(-d)); err != nil || got != want {
			t.Errorf("%v ago: %q, %v, want %q", d, got, err, want)
		}
	}
}
