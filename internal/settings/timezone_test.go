package settings_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The time zone is that of WXLOGIN_TIME_ZONE; without it of TZ, also out of .env; without
// that, Shanghai's.
func TestTimeZone(t *testing.T) {
	for name, test := range map[string]struct {
		variables []string
		file      string
		zone      string
	}{
		"nothing is set":      {[]string{"TZ="}, "", "Asia/Shanghai"},
		"TZ":                  {[]string{"TZ=:America/New_York"}, "", "America/New_York"},
		"TZ in .env":          {nil, "TZ=Asia/Tokyo\n", "Asia/Tokyo"},
		"the setting wins":    {[]string{"TZ=Asia/Tokyo", "WXLOGIN_TIME_ZONE=Asia/Kathmandu"}, "", "Asia/Kathmandu"},
		"the setting in .env": {[]string{"TZ=Asia/Tokyo"}, "WXLOGIN_TIME_ZONE=Asia/Kathmandu\n", "Asia/Kathmandu"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			config, _ := parsed(t, test.variables, file) // what is required is not set
			if got := config.Zone.String(); got != test.zone {
				t.Errorf("the zone is %s, want %s", got, test.zone)
			}
		})
	}
}
