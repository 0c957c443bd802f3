package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // where there is no list of time zones, as in the image
)

// timeZone is the zone of the pages and the CSV if WXLOGIN_TIME_ZONE is not set:
// TZ's, also out of .env, and else WeChat's own.
//
// Go takes a TZ that it cannot read for UTC without a word, so one is refused
// whether it is used or not: the times in the log go by it.
func timeZone(tz string) (name string, err error) {
	name = strings.TrimPrefix(tz, ":") // POSIX: what follows is the system's own form
	if name == "" {
		return "Asia/Shanghai", nil
	}
	if _, err := loadZone(name); err != nil {
		return "", fmt.Errorf("TZ: %w", err)
	}
	return name, nil
}

// loadZone finds a zone by its IANA name or, as TZ may have it, a file's path.
func loadZone(name string) (*time.Location, error) {
	unknown := fmt.Errorf("%q is not the IANA name of a time zone, for example Asia/Shanghai (Beijing time), Asia/Taipei or UTC", name)
	if filepath.IsAbs(name) {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", unknown, err)
		}
		return time.LoadLocationFromTZData(filepath.Base(name), content)
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, unknown
	}
	return zone, nil
}
