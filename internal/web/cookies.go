package web

import (
	"net/http"
	"net/textproto"
	"strings"
)

// maxCookies is how many cookies net/http reads at most. Of a request with more
// it reads none.
const maxCookies = 3000

// cookieValues gives the values of r.CookiesNamed, as many as there is room for.
// It makes no http.Cookie of each, which took longer than to find the session in
// memory. A fuzz test holds the two against each other.
func cookieValues(room []string, r *http.Request, name string) []string {
	values := room[:0]
	lines := r.Header["Cookie"]
	count := 0
	for _, line := range lines {
		count += strings.Count(line, ";") + 1
	}
	if count > maxCookies {
		return values
	}
	for _, line := range lines {
		for line != "" && len(values) < len(room) {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, _ := strings.Cut(textproto.TrimString(pair), "=")
			if textproto.TrimString(key) != name {
				continue
			}
			if value, ok := cookieValue(value); ok {
				values = append(values, value)
			}
		}
	}
	return values
}

// cookieValue takes the quotes away. ok is false for what no cookie may hold.
func cookieValue(raw string) (value string, ok bool) {
	value = raw
	if n := len(raw); n > 1 && raw[0] == '"' && raw[n-1] == '"' {
		value = raw[1 : n-1]
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return value, true
}
