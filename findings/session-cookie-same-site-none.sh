#!/usr/bin/env bash
# Since 1.3 gorilla/sessions asks browsers to send its cookie with other sites' forms
#
# Runs:    the session cookie that a new store makes with its defaults, and two visits by Go's
#          cookie jar over plain http: gorilla/sessions v1.2.2 and v1.4.0, each with its
#          CookieStore and FilesystemStore, gin-contrib/sessions v1.0.4, scs v2.9.0 (Go proxy);
#          and the cookie alone of express-session 1.18.2 and iron-session 8.0.4 (npm).
# Seen:    gorilla's CookieStore says nothing of SameSite in 1.2.2, and "Secure; SameSite=None" in
#          1.4.0 (v1.3.0 too), without HttpOnly in all; gin-contrib is the same, as it is built on it. The
#          FilesystemStore of the same version says neither. Over http the second visit has no
#          session in 1.4.0. scs and iron-session say Lax, express-session nothing.
# Guess:   a minor version does not change who gets the cookie; a newer default is the
#          stricter one; two stores of a module have the same.
# Matters: browsers take a cookie that does not say for Lax, and so held back other sites' forms.
#          None tells them not to: an application that relied on it has lost that by an update.
#          On a test host without TLS the login loops. Set all of store.Options.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >common.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func try(name string, handler http.Handler) {
	server := httptest.NewServer(handler)
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	transport := server.Client().Transport.(*http.Transport) // it leads example.com to the server
	client := &http.Client{Jar: jar, Transport: transport}
	var flags []string
	for visit := range 2 {
		response, err := client.Get("http://example.com/")
		if err != nil {
			panic(err)
		}
		response.Body.Close()
		if visit == 0 {
			for _, c := range response.Cookies() {
				site := map[http.SameSite]string{0: "no SameSite", http.SameSiteLaxMode: "SameSite=Lax", http.SameSiteNoneMode: "SameSite=None"}[c.SameSite]
				flags = append(flags, fmt.Sprintf("HttpOnly %v, Secure %v, %s", c.HttpOnly, c.Secure, site))
			}
		} else {
			fmt.Printf("%s: %s; known over http: %s\n", name, flags[0], response.Header.Get("Known"))
		}
	}
}
GO
cat >gorilla.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/gorilla/sessions"
)

func visits(store sessions.Store) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		w.Header().Set("Known", fmt.Sprint(session.Values["name"] == "lin"))
		session.Values["name"] = "lin"
		if err := session.Save(r, w); err != nil {
			panic(err)
		}
	}
}

func main() {
	try("gorilla "+os.Args[1]+" CookieStore", visits(sessions.NewCookieStore(key)))
	try("gorilla "+os.Args[1]+" FilesystemStore", visits(sessions.NewFilesystemStore(os.Args[2], key)))
}
GO
cat >others.go <<'GO'
package main

import (
	"fmt"
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.Use(sessions.Sessions("session", cookie.NewStore(key)))
	g.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		c.Header("Known", fmt.Sprint(session.Get("name") == "lin"))
		session.Set("name", "lin")
		if err := session.Save(); err != nil {
			panic(err)
		}
	})
	try("gin-contrib", g)
	manager := scs.New()
	try("scs", manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Known", fmt.Sprint(manager.GetString(r.Context(), "name") == "lin"))
		manager.Put(r.Context(), "name", "lin")
	})))
}
GO
quietly npm install --silent --no-audit --no-fund --prefix . express@5.1.0 express-session@1.18.2 iron-session@8.0.4
cat >run.mjs <<'JS'
import express from 'express';
import session from 'express-session';
import { getIronSession } from 'iron-session';

const secret = '0123456789abcdef0123456789abcdef';
const app = express();
app.get('/express-session', session({ secret, resave: false, saveUninitialized: false }), (request, response) => {
  request.session.name = 'lin';
  response.end();
});
app.get('/iron-session', async (request, response) => {
  const session = await getIronSession(request, response, { password: secret, cookieName: 'session' });
  session.name = 'lin';
  await session.save();
  response.end();
});
const server = app.listen(0, '127.0.0.1', async () => {
  for (const name of ['express-session', 'iron-session']) {
    const [cookie] = (await fetch(`http://127.0.0.1:${server.address().port}/${name}`)).headers.getSetCookie();
    console.log(`${name}: HttpOnly ${/; HttpOnly/.test(cookie)}, Secure ${/; Secure/.test(cookie)}, ${/SameSite=\w+/.exec(cookie)?.[0] ?? 'no SameSite'}`);
  }
  server.close();
});
JS
for version in v1.2.2 v1.4.0; do
	mkdir $version stored-$version
	cp common.go gorilla.go $version
	(cd $version && quietly go mod init example.com/probe && quietly go get github.com/gorilla/sessions@$version github.com/gorilla/securecookie@v1.1.2 &&
		quietly go build -o probe . && ./probe $version ../stored-$version) >>seen || { cat seen; exit 2; }
done
mkdir others
cp common.go others.go others
(cd others && quietly go mod init example.com/probe && quietly go get github.com/gin-contrib/sessions@v1.0.4 github.com/gorilla/sessions@v1.4.0 \
	github.com/gin-gonic/gin@v1.11.0 github.com/alexedwards/scs/v2@v2.9.0 && quietly go mod tidy && quietly go build -o probe . && ./probe) >>seen || { cat seen; exit 2; }
node run.mjs >>seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
gorilla v1.2.2 CookieStore: HttpOnly false, Secure false, no SameSite; known over http: true
gorilla v1.2.2 FilesystemStore: HttpOnly false, Secure false, no SameSite; known over http: true
gorilla v1.4.0 CookieStore: HttpOnly false, Secure true, SameSite=None; known over http: false
gorilla v1.4.0 FilesystemStore: HttpOnly false, Secure false, no SameSite; known over http: true
gin-contrib: HttpOnly false, Secure true, SameSite=None; known over http: false
scs: HttpOnly true, Secure false, SameSite=Lax; known over http: true
express-session: HttpOnly true, Secure false, no SameSite
iron-session: HttpOnly true, Secure true, SameSite=Lax
EXPECTED
