#!/usr/bin/env bash
# scs forgets what is put into a session after the first byte of the answer
#
# Runs:    alexedwards/scs v2.9.0 (Go proxy) with LoadAndSave and its memory store, for a
#          browser that is already signed in and has its cookie; and express-session 1.18.2
#          (npm) doing the same.
# Seen:    scs saves the session when the handler writes its first byte. What is put or
#          removed after that is gone at the next request, without an error. express-session
#          keeps it.
# Guess:   the cookie cannot be set any more after the first byte, but this browser has its
#          cookie, and the data is on the server: saved at the end.
# Matters: a handler that streams (an export, events) or renders first and then notes "has
#          seen this", "is used up", loses the note each time. Change the session before
#          you write.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/alexedwards/scs/v2"
)

func main() {
	sessions := scs.New()
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "name", "lin")
		sessions.Put(r.Context(), "offer", "open")
	})
	mux.HandleFunc("/before", func(w http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "before", "kept")
		fmt.Fprint(w, "page")
	})
	mux.HandleFunc("/after", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "page")
		sessions.Put(r.Context(), "after", "kept")
		sessions.Remove(r.Context(), "offer")
	})
	mux.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		for _, key := range []string{"name", "before", "after", "offer"} {
			fmt.Fprintf(w, "%s=%s ", key, sessions.GetString(r.Context(), key))
		}
	})
	handler := sessions.LoadAndSave(mux)
	var cookie *http.Cookie
	ask := func(path string) string {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		handler.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookie = c
		}
		return w.Body.String()
	}
	ask("/login")
	ask("/before")
	ask("/after")
	fmt.Println("scs:", ask("/show"))
}
GO
quietly go mod init example.com/probe
quietly go get github.com/alexedwards/scs/v2@v2.9.0
go run . >seen

quietly npm install --silent --no-audit --no-fund --prefix . express@5.1.0 express-session@1.18.2
cat >run.mjs <<'JS'
import express from 'express';
import session from 'express-session';

const app = express();
app.use(session({ secret: 'a secret for this run', resave: false, saveUninitialized: false }));
app.get('/login', (req, res) => { Object.assign(req.session, { name: 'lin', offer: 'open' }); res.end(); });
app.get('/before', (req, res) => { req.session.before = 'kept'; res.write('page'); res.end(); });
app.get('/after', (req, res) => { res.write('page'); req.session.after = 'kept'; delete req.session.offer; res.end(); });
app.get('/show', (req, res) => res.end(['name', 'before', 'after', 'offer'].map((key) => `${key}=${req.session[key] ?? ''} `).join('')));
const server = app.listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
let cookie = '';
const ask = async (path) => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: { cookie } });
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
  return answer.text();
};
for (const path of ['/login', '/before', '/after']) await ask(path);
console.log('express-session:', await ask('/show'));
process.exit(0);
JS
node run.mjs 2>/dev/null >>seen
sed -i 's/ *$//' seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
scs: name=lin before=kept after= offer=open
express-session: name=lin before=kept after=kept offer=
EXPECTED
