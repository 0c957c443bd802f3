package main_test

import (
	"encoding/csv"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Times on the admin pages and in the CSV are those of the setting, here out of .env,
// and not those of the machine. The pages name the zone, and a spreadsheet takes the
// CSV's times for dates.
func TestTimeZone(t *testing.T) {
	t.Parallel()
	const name = "Asia/Kathmandu"
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte("WXLOGIN_TIME_ZONE="+name+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	demo := startDemo(t, folder, "TZ=Asia/Tokyo")
	printed := printedAddresses(t, demo.stdout.text())
	base := strings.TrimSuffix(printed.visitor, "/")
	admin := newPhone(t, "", strings.TrimSuffix(printed.simulator, "/"), "wang")
	wantAdmin(t, admin, base, printed.admin, name)
	zone := must(time.LoadLocation(name))
	shown := regexp.MustCompile(`<time datetime="([^"]+)"[^>]*>\s*(\d{4}-\d\d-\d\d \d\d:\d\d)`).FindStringSubmatch(admin.ask(http.MethodGet, base+"/admin/events", nil).body)
	if shown == nil {
		t.Fatal("no time is on the page of events")
	}
	if want := must(time.Parse(time.RFC3339, shown[1])).In(zone).Format("2006-01-02 15:04"); shown[2] != want {
		t.Errorf("the page shows %s, want %s", shown[2], want)
	}
	file := admin.ask(http.MethodGet, base+"/api/admin/users.csv", nil).body
	rows := must(csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\uFEFF"))).ReadAll())
	id, last := rows[1][0], must(time.ParseInLocation(time.DateTime, rows[1][15], zone))
	user := admin.ask(http.MethodGet, base+"/api/admin/users/"+id, nil).body
	if want := `"last_login_at":"` + last.UTC().Format("2006-01-02T15:04:05"); !strings.Contains(user, want) {
		t.Errorf("the CSV says %s; want %s in %s", rows[1][15], want, user)
	}
	demo.terminate()
	demo.wantExit(0)
}
