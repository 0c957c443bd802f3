package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// cookieValues reads the header as net/http does.
func FuzzCookieValues(f *testing.F) {
	const name = "wxlogin"
	for _, seed := range [][2]string{
		{"", ""},
		{"wxlogin=a", ""},
		{"wxlogin=a; wxlogin=b; wxlogin=c; wxlogin=d", ""},
		{"wxlogin=a; wxlogin=b", "wxlogin=c; wxlogin=d"},
		{"wxlogin_desk=a; xwxlogin=b; wxlogi=c; WXLOGIN=d; __Host-wxlogin=e; wxlogin=f", ""},
		{" \t wxlogin \t = a b ;;  ; wxlogin=\tc\t", "\twxlogin=d "},
		{`wxlogin="a"; wxlogin="; wxlogin=""; wxlogin="""; wxlogin="a`, `wxlogin=a"; wxlogin="a b"`},
		{"wxlogin=a=b=; wxlogin==; wxlogin", "wxlogin=; =wxlogin; =; ="},
		{"wxlogin=a\\b; wxlogin=a\x7f; wxlogin=\x00; wxlogin=中; wxlogin=a,b", "wxlogin=\xff; wx\x00login=a; wxlogin =a"},
		{"other=wxlogin=a", "a;wxlogin=b,wxlogin=c"},
		{strings.Repeat(";", maxCookies-2), "wxlogin=a"},
		{strings.Repeat(";", maxCookies-1), "wxlogin=a"},
		{"wxlogin=a" + strings.Repeat(";", maxCookies), ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, lines := range [][]string{{first}, {second}, {first, second}, nil} {
			r := &http.Request{Header: http.Header{"Cookie": lines}}
			var want []string
			for _, cookie := range r.CookiesNamed(name) {
				want = append(want, cookie.Value)
			}
			for _, n := range []int{0, 1, 3, 100} {
				if got := cookieValues(make([]string, n), r, name); !slices.Equal(got, want[:min(n, len(want))]) {
					t.Fatalf("%q: got %q of %q", lines, got, want)
				}
			}
		}
	})
}
