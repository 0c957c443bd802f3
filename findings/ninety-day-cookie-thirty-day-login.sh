#!/usr/bin/env bash
# gorilla/sessions: MaxAge of 90 days gives a cookie for 90 and a login for 30
#
# Runs:    gorilla/sessions v1.4.0 with securecookie v1.1.2 (Go proxy): a CookieStore whose
#          Options.MaxAge is 90 days, under the fake clock of Go's testing/synctest; the
#          same with store.MaxAge(); and keys rotated as (new, old).
# Seen:    the cookie says Max-Age=7776000, the browser sends it for 90 days, and from day
#          31 on it is "expired timestamp": the codec has an age of its own, 30 days, which
#          Options do not reach. store.MaxAge(…) sets both. NewCookieStore(new, old) takes
#          the old key as the *encryption key of the new one*: no error, and no old cookie
#          opens; (new, nil, old, nil) rotates.
# Guess:   Options.MaxAge is the age of the session; a list of keys is a list of keys.
# Matters: people are signed out a month after each login and nobody finds why: tests are
#          shorter than 30 days, the cookie is there. The rotation that was to be gentle
#          signs out everybody at once.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >probe_test.go <<'GO'
package probe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"
)

const day = 24 * time.Hour

func login(store *sessions.CookieStore) *http.Cookie {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	session, _ := store.Get(r, "session")
	session.Values["name"] = "lin"
	if err := session.Save(r, w); err != nil {
		panic(err)
	}
	return w.Result().Cookies()[0]
}

func visit(store *sessions.CookieStore, cookie *http.Cookie) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	session, err := store.Get(r, "session")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(session.Values["name"])
}

func Test(t *testing.T) {
	old, recent := []byte("0123456789abcdef0123456789abcdef"), []byte("abcdef0123456789abcdef0123456789")
	for _, way := range []string{"store.Options.MaxAge", "store.MaxAge()"} {
		synctest.Test(t, func(t *testing.T) {
			store := sessions.NewCookieStore(old)
			if way == "store.MaxAge()" {
				store.MaxAge(90 * 24 * 3600)
			} else {
				store.Options.MaxAge = 90 * 24 * 3600
			}
			cookie := login(store)
			fmt.Printf("%s: Max-Age=%d\n", way, cookie.MaxAge)
			time.Sleep(29 * day)
			fmt.Printf("%s: day 29: %s\n", way, visit(store, cookie))
			time.Sleep(2 * day)
			fmt.Printf("%s: day 31: %s\n", way, visit(store, cookie))
		})
	}
	cookie := login(sessions.NewCookieStore(old))
	fmt.Println("keys (new, old):", visit(sessions.NewCookieStore(recent, old), cookie))
	fmt.Println("keys (new, nil, old, nil):", visit(sessions.NewCookieStore(recent, nil, old, nil), cookie))
}
GO
quietly go mod init example.com/probe
quietly go get github.com/gorilla/sessions@v1.4.0 github.com/gorilla/securecookie@v1.1.2
go test -count=1 -v . | grep -E 'MaxAge|keys' >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
store.Options.MaxAge: Max-Age=7776000
store.Options.MaxAge: day 29: lin
store.Options.MaxAge: day 31: securecookie: expired timestamp
store.MaxAge(): Max-Age=7776000
store.MaxAge(): day 29: lin
store.MaxAge(): day 31: lin
keys (new, old): securecookie: the value is not valid
keys (new, nil, old, nil): lin
EXPECTED
