package settings_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxlogin/internal/settings"
)

// ofService is a variable that a Service of Kubernetes makes.
var ofService = regexp.MustCompile(`^WXLOGIN_(PORT|SERVICE_HOST)$`)

// ofAccount is the variable of an account's AppSecret, which has the account's name.
var ofAccount = regexp.MustCompile(`^WXLOGIN_APPSECRET_[A-Z][A-Z0-9]*(_FILE)?$`)

var variables = regexp.MustCompile(`WXLOGIN_[A-Z0-9_]*[A-Z0-9]`)

// Every variable that a text, an example or a file of the build names is a
// setting.
func TestVariablesOfDocs(t *testing.T) {
	known := append(settings.Variables(), "WXLOGIN_SCREENSHOTS", "WXLOGIN_TEST_ENGINE") // of tests
	texts := make(map[string]string)
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../Dockerfile", "../../docker-compose.yml", "../../Makefile", "../../examples/*/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil || files == nil {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				continue // a mini program has its pages in some
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = string(text)
		}
	}
	for name, text := range texts {
		for _, variable := range variables.FindAllString(text, -1) {
			if !slices.Contains(known, variable) && !ofService.MatchString(variable) && !ofAccount.MatchString(variable) {
				t.Errorf("%s names %s, which is no setting", name, variable)
			}
		}
	}
}
