package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // for systems without a time zone database, like the image
)

// timeZone returns the zone of the pages and the CSV if WXLOGIN_TIME_ZONE is not set: the
// one of TZ, also from .env, or else WeChat's own.
//
// Go silently takes a TZ that it cannot read for UTC. Such a TZ is an error even if
// WXLOGIN_TIME_ZONE is set, as the times in the log follow it.
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

// loadZone loads a zone by its IANA name or, as TZ allows, by the path of a file.
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
