package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"wxlogin/internal/admin"
	"wxlogin/templates"
)

// A day is a day of the clock on the wall, with its 23, 24 or 25 hours and its
// half-hour zones.
func TestChartDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone string
		now  string // RFC 3339
		at   string
		want string // the day, or empty
	}{
		{"Asia/Shanghai", "2026-11-22T12:00:00+08:00", "2026-11-21T16:00:00Z", "2026-11-22"},
		{"Asia/Shanghai", "2026-11-22T12:00:00+08:00", "2026-11-21T15:45:00Z", "2026-11-21"},
		{"Asia/Kathmandu", "2026-11-22T12:00:00+05:45", "2026-11-21T18:15:00Z", "2026-11-22"},
		{"Asia/Kathmandu", "2026-11-22T12:00:00+05:45", "2026-11-21T18:00:00Z", "2026-11-21"},
		{"Europe/Berlin", "2026-10-25T23:30:00+01:00", "2026-10-25T22:45:00Z", "2026-10-25"}, // 25 hours
		{"Europe/Berlin", "2026-10-26T12:00:00+01:00", "2026-10-25T22:45:00Z", "2026-10-25"},
		{"Europe/Berlin", "2026-10-26T12:00:00+01:00", "2026-10-25T23:00:00Z", "2026-10-26"},
		{"UTC", "2026-11-22T12:00:00Z", "2026-10-01T12:00:00Z", ""},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, _ := time.Parse(time.RFC3339, test.now)
		at, _ := time.Parse(time.RFC3339, test.at)
		c := days(now, zone, 30)
		c.add(series{Key: seriesLogins}, []admin.SlotCount{{At: at, Count: 3}})
		got := ""
		for _, day := range c.draw(false).Days {
			if day.Counts[0] > 0 {
				got += day.Day.Format(time.DateOnly)
			}
		}
		if got != test.want || len(c.Days) != 30 || c.Any != (test.want != "") {
			t.Errorf("%s in %s: counted on %q, want %q", test.at, test.zone, got, test.want)
		}
	}
}

// Bars stay within the picture and are as high as what they stand for.
func TestChartBars(t *testing.T) {
	t.Parallel()
	at := func(ago int) time.Time { return noon.AddDate(0, 0, -ago) }
	c := days(noon, time.UTC, 3)
	var tallies []admin.SlotCount
	for code := range int64(8) {
		tallies = append(tallies, admin.SlotCount{At: at(1), Errcode: 40000 + code, Count: 1 + code})
	}
	c.addErrcodes(tallies, func(int64) string { return "" })
	c.draw(true)
	if len(c.Series) != maxErrcodes+1 || c.Series[0].Errcode != 40007 || c.Series[maxErrcodes].Key != seriesOthers || c.Series[maxErrcodes].Total != 1+2+3 {
		t.Errorf("series %+v", c.Series)
	}
	sum, top := 0.0, 0.0
	for _, bar := range c.Days[1].Bars {
		sum += bar.Height
		top = max(top, chartHeight-bar.Y)
		if bar.Y < 0 || bar.Y+bar.Height > chartHeight+.001 || bar.X < 0 || bar.X+bar.Width > float64(c.Width) {
			t.Errorf("bar %+v is outside", bar)
		}
	}
	if want := 36.0 / 40 * chartHeight; c.Top != 40 || sum < want-.001 || sum > want+.001 || top < want-.001 {
		t.Errorf("36 of %d stand %v high, up to %v", c.Top, sum, top)
	}
	if rows := c.Rows(); len(rows) != 1 || !slices.Equal(rows[0].Counts, []int64{8, 7, 6, 5, 4, 6}) {
		t.Errorf("rows %+v", rows)
	}
	for n, want := range map[int64]int64{0: 2, 1: 2, 3: 4, 5: 6, 11: 20, 99: 100, 101: 200, 999_999: 1_000_000} {
		if got := roundUp(n); got != want {
			t.Errorf("roundUp(%d) = %d, want %d", n, got, want)
		}
	}
}

// consentTexts are what the versions of the consent text said, as a hash of the
// page and its words in all languages. A changed text is a new version: raise
// ConsentVersion and add a line here; no line ever goes.
var consentTexts = map[string]string{
	"1": "597a8d98f15bc297",
	"2": "4b234d8f3c3a49ae",

	"2-followers": "b239290fa0d028ea",
}

func TestConsentVersion(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(templates.FS, "consent.html")
	if err != nil {
		t.Fatal(err)
	}
	for version, follows := range map[string]bool{ConsentVersion: false, (&Server{config: Config{Following: noFollowers{}}}).consentVersion(): true} {
		hash := sha256.New()
		for _, lang := range languages {
			words, err := readWords(templates.FS, lang)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for key := range words {
				// The way past it asks for nothing.
				if strings.HasPrefix(key, "consent.") && key != "consent.skip" && key != "consent.decline" && (follows || !strings.HasPrefix(key, "consent.follows")) && strings.Contains(string(page), `"`+key+`"`) {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			for _, key := range keys {
				hash.Write([]byte(lang + key + words[key]))
			}
		}
		if got := hex.EncodeToString(hash.Sum(nil)[:8]); consentTexts[version] != got {
			t.Errorf("the consent text has the hash %s, and version %s had %s: people are asked for something else now", got, version, consentTexts[version])
		}
	}
}
