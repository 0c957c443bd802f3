#!/usr/bin/env bash
# Whether a path parameter is decoded depends on another part of the path
#
# Runs:    net/http's ServeMux (Go 1.26.8), chi v5.2.3, echo v4.13.4, gin v1.11.0, gorilla/mux
#          v1.8.1 and httprouter v1.3.0 (Go proxy), with a route of two parameters of which the
#          first is looked at, for addresses as browsers send them.
# Seen:    chi and echo give the first parameter decoded for /people/%E6%9E%97/a, and as it
#          stands, "%E6%9E%97", when the *other* part has an exclamation mark or a %2F in it:
#          then Go's URL has a RawPath, and they take that for everything. a%2Bb comes raw by
#          itself. ServeMux decodes each part always. gin, gorilla/mux and httprouter decode,
#          and have no route for a %2F, in whichever part.
# Guess:   a router decodes its parameters, or it does not; code and a test with one Chinese
#          name show which.
# Matters: a nickname, a group or a file's name in a path is another one for some visitors:
#          not found, or looked up in percent signs. Decoding what chi gives, "to be sure",
#          decodes twice where it was decoded. Take the parameter from r.URL.EscapedPath() and
#          decode it once, or use ids that need no encoding.
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

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"
	"github.com/labstack/echo/v4"
)

func main() {
	var got string
	std := http.NewServeMux()
	std.HandleFunc("/people/{name}/{rest}", func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("name") })
	c := chi.NewRouter()
	c.Get("/people/{name}/{rest}", func(_ http.ResponseWriter, r *http.Request) { got = chi.URLParam(r, "name") })
	e := echo.New()
	e.GET("/people/:name/:rest", func(c echo.Context) error { got = c.Param("name"); return nil })
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET("/people/:name/:rest", func(c *gin.Context) { got = c.Param("name") })
	m := mux.NewRouter()
	m.HandleFunc("/people/{name}/{rest}", func(_ http.ResponseWriter, r *http.Request) { got = mux.Vars(r)["name"] })
	h := httprouter.New()
	h.GET("/people/:name/:rest", func(_ http.ResponseWriter, _ *http.Request, p httprouter.Params) { got = p.ByName("name") })
	routers := []struct {
		name string
		http.Handler
	}{{"ServeMux", std}, {"chi", c}, {"echo", e}, {"gin", g}, {"gorilla/mux", m}, {"httprouter", h}}
	for _, path := range []string{"/people/%E6%9E%97/a", "/people/%E6%9E%97/a!", "/people/%E6%9E%97/a%2Fb", "/people/a%2Bb/c"} {
		fmt.Print(path, ":")
		for _, router := range routers {
			got = "(404)"
			router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			fmt.Printf(" %s %s", router.name, got)
		}
		fmt.Println()
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/go-chi/chi/v5@v5.2.3 github.com/gorilla/mux@v1.8.1 github.com/julienschmidt/httprouter@v1.3.0 \
	github.com/gin-gonic/gin@v1.11.0 github.com/labstack/echo/v4@v4.13.4
quietly go mod tidy
quietly go build -o probe .
./probe >seen

go version
cat seen
diff - seen <<'EXPECTED' && echo "As described."
/people/%E6%9E%97/a: ServeMux 林 chi 林 echo 林 gin 林 gorilla/mux 林 httprouter 林
/people/%E6%9E%97/a!: ServeMux 林 chi %E6%9E%97 echo %E6%9E%97 gin 林 gorilla/mux 林 httprouter 林
/people/%E6%9E%97/a%2Fb: ServeMux 林 chi %E6%9E%97 echo %E6%9E%97 gin (404) gorilla/mux (404) httprouter (404)
/people/a%2Bb/c: ServeMux a+b chi a%2Bb echo a%2Bb gin a+b gorilla/mux a+b httprouter a+b
EXPECTED
