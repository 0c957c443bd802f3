package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// A page says how long it is and by what it varies, and no two answers have the
// same name.
func TestHeadersOfAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	id := regexp.MustCompile(`^[0-9a-f]{16}$`)
	seen := make(map[string]bool)
	for range 10 {
		for path, status := range map[string]int{"/": http.StatusOK, "/consent": http.StatusOK, "/nowhere": http.StatusNotFound} {
			p := phone.get(path).wantPage(status, "<html")
			if got := p.Header.Values("Vary"); !slices.Equal(got, []string{"Cookie", "Accept-Language", "Accept-Encoding"}) {
				t.Errorf("%s varies by %q", path, got)
			}
			if got := p.Header.Values("Content-Length"); !slices.Equal(got, []string{strconv.Itoa(len(p.Body))}) {
				t.Errorf("%s: length %q of %d", path, got, len(p.Body))
			}
			got := p.Header.Values("X-Request-Id")
			if len(got) != 1 || !id.MatchString(got[0]) || seen[got[0]] {
				t.Fatalf("the answer is named %q", got)
			}
			seen[got[0]] = true
		}
	}
}
