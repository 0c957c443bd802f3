#!/usr/bin/env bash
# One cookie of somebody else's, and Python's http.cookies finds no session any more
#
# Runs:    the cookie parsers of Python 3.11's standard library (http.cookies), of Go's net/http
#          (1.26.8), and cookie 0.7.2 (Express's own), cookie 1.0.2 and cookie-es 2.0.0 (npm, on
#          Node.js version 20.20.2), on Cookie headers as browsers send them: before "sid=abc"
#          stands a cookie that a script of the same site has set with document.cookie.
# Seen:    in http.cookies a nickname in Chinese, a value of JSON, a space, a name like a[b] or
#          "flag" without a value is the end: what stands behind it is not found, and no error
#          says so. A cookie that is called "path" or "secure" is such an end too, and a name
#          with an @ is an exception. Go drops the odd cookie alone, and the three of npm keep
#          it. Of two cookies of one name Python
#          takes the last, npm's the first, Go gives both. cookie-es takes the last letter of
#          a value that begins with a quote and does not end with one.
# Guess:   what a parser does not understand it leaves out, and goes on at the next semicolon,
#          as the standard (RFC 6265, 5.4) lets a server expect.
# Matters: "signed out at random" for people whose nickname another part of the site has put
#          into a cookie, and only behind one of the services. Write such values
#          percent-encoded; and set the session's cookie with a name that sorts nowhere,
#          because the order is the browser's: longer paths first, then the older.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . cookie@1.0.2 cookie07@npm:cookie@0.7.2 cookie-es@2.0.0
cat >headers.json <<'JSON'
["nick=%E5%B0%8F; sid=abc", "nick=小满; sid=abc", "sid=abc; nick=小满", "prefs={\"a\":1,\"b\":2}; sid=abc", "x=a b; sid=abc", "a[b]=1; sid=abc",
 "flag; sid=abc", "path=/x; sid=abc", "secure=1; sid=abc", "a@b=1; sid=abc", "q=\"open; sid=abc", "sid=abc; sid=old"]
JSON
cat >probe.py <<'PY'
import json
from http.cookies import SimpleCookie, CookieError
for header in json.load(open("headers.json", encoding="utf-8")):
    cookies = SimpleCookie()
    try:
        cookies.load(header.encode().decode("latin-1"))  # as WSGI has it
        print("sid " + cookies["sid"].value if "sid" in cookies else "no sid")
    except CookieError:
        print("CookieError")
PY
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var headers []string
	text, _ := os.ReadFile("headers.json")
	if err := json.Unmarshal(text, &headers); err != nil {
		panic(err)
	}
	for _, header := range headers {
		said := ""
		r := http.Request{Header: http.Header{"Cookie": {header}}}
		for _, c := range r.Cookies() {
			if c.Name == "sid" {
				said += "sid " + c.Value + " "
			} else {
				said += "+ "
			}
		}
		fmt.Println(said)
	}
}
GO
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { parse as newer } from 'cookie';
import older from 'cookie07';
import { parse as es } from 'cookie-es';
for (const header of JSON.parse(readFileSync('headers.json', 'utf8'))) {
  const q = es(header).q;
  console.log([older.parse, newer, es].map((parse) => `sid ${parse(header).sid}`).join(', ') + (q ? `; q ${older.parse(header).q} and ${q}` : ''));
}
JS
python3 probe.py >python
GOWORK=off go run main.go >go
node probe.mjs >npm
node -e 'JSON.parse(require("fs").readFileSync("headers.json")).forEach((h) => console.log(h))' >headers
paste -d '|' headers python go npm | sed -E 's/ *\|/ | /g' >seen

echo "$(python3 --version), $(go version), Node.js version: $(node --version)"
npm ls --depth 0 | tail -n +2
echo "the header | http.cookies | Go (+: another cookie) | cookie 0.7.2, cookie 1.0.2, cookie-es"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
nick=%E5%B0%8F; sid=abc | sid abc | + sid abc | sid abc, sid abc, sid abc
nick=小满; sid=abc | no sid | sid abc | sid abc, sid abc, sid abc
sid=abc; nick=小满 | sid abc | sid abc | sid abc, sid abc, sid abc
prefs={"a":1,"b":2}; sid=abc | no sid | sid abc | sid abc, sid abc, sid abc
x=a b; sid=abc | no sid | + sid abc | sid abc, sid abc, sid abc
a[b]=1; sid=abc | no sid | sid abc | sid abc, sid abc, sid abc
flag; sid=abc | no sid | + sid abc | sid abc, sid abc, sid abc
path=/x; sid=abc | no sid | + sid abc | sid abc, sid abc, sid abc
secure=1; sid=abc | no sid | + sid abc | sid abc, sid abc, sid abc
a@b=1; sid=abc | CookieError | sid abc | sid abc, sid abc, sid abc
q="open; sid=abc | no sid | sid abc | sid abc, sid abc, sid abc; q "open and ope
sid=abc; sid=old | sid old | sid abc sid old | sid abc, sid abc, sid abc
EXPECTED
