#!/usr/bin/env bash
# After the login the page is not found: redirects that change the address
#
# Runs:    the redirects of net/http (Go 1.26.8), gin v1.11.0 and echo v4.13.4 (Go proxy), and of
#          express 5.1.0, koa 3.0.1, fastify 5.6.0 and hono 4.9.8 (npm, on Node.js version
#          20.20.2), each to addresses of the same site that a login leads back to.
# Seen:    net/http, and gin with it, clean the path: /a//b becomes /a/b, and
#          /a/../b becomes /b; with the host before it the same address stays. express and
#          koa make /50% (an address that browsers send as it is) another one, /50%25. fastify
#          answers 500 to Chinese, in the path or behind the #, where net/http, express, koa
#          and hono encode it and echo sends the bytes. Only echo changes nothing.
# Guess:   what is given is what stands in Location, or at most it gets percent-encoded.
# Matters: return_to is somebody's deep link: a key of an object store, a file in a browser of
#          repositories, a wiki page in Chinese. It comes back as another page, or as an error,
#          only for who had to sign in first. Set Location by hand, or with the host before the
#          path, and encode what is not ASCII first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . express@5.1.0 fastify@5.6.0 koa@3.0.1 hono@4.9.8 @hono/node-server@1.19.0
cat >targets.json <<'JSON'
["/files/", "/a?b=https://c//d", "/a%2fb", "/a//b", "/a/../b", "https://shop.example.com/a//b", "/50%", "/文件", "/x#第一"]
JSON
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
)

func main() {
	var targets []string
	text, _ := os.ReadFile("targets.json")
	if err := json.Unmarshal(text, &targets); err != nil {
		panic(err)
	}
	gin.SetMode(gin.ReleaseMode)
	for _, name := range []string{"net/http", "gin", "echo"} {
		for _, target := range targets {
			var h http.Handler
			switch name {
			case "net/http":
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, 303) })
			case "gin":
				e := gin.New()
				e.GET("/callback", func(c *gin.Context) { c.Redirect(303, target) })
				h = e
			case "echo":
				e := echo.New()
				e.GET("/callback", func(c echo.Context) error { return c.Redirect(303, target) })
				h = e
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/callback", nil))
			if got := w.Header().Get("Location"); got != target {
				fmt.Printf("%s: %s -> %s\n", name, target, got)
			}
		}
	}
}
GO
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs';
import http from 'node:http';
import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import { Hono } from 'hono';
import { serve } from '@hono/node-server';

const targets = JSON.parse(readFileSync('targets.json', 'utf8'));
const target = (address) => targets[new URL(address, 'http://x').searchParams.get('i')];
const e = express();
e.get('/callback', (req, res) => res.redirect(303, target(req.url)));
const k = new Koa();
k.use((c) => c.redirect(target(c.url)));
const f = Fastify();
f.get('/callback', (req, reply) => reply.redirect(target(req.url), 303));
await f.listen({ port: 0, host: '127.0.0.1' });
const h = new Hono();
h.get('/callback', (c) => c.redirect(target(c.req.url), 303));
const listening = (server) => new Promise((done) => server.once('listening', () => done(server)));
const servers = {
  express: await listening(e.listen(0, '127.0.0.1')),
  koa: await listening(k.listen(0, '127.0.0.1')),
  fastify: f.server,
  hono: await new Promise((done) => { const s = serve({ fetch: h.fetch, port: 0, hostname: '127.0.0.1' }, () => done(s)); }),
};
for (const [name, server] of Object.entries(servers)) {
  for (const i in targets) {
    const res = await new Promise((done) => http.get({ host: '127.0.0.1', port: server.address().port, path: `/callback?i=${i}` }, done));
    res.resume();
    const location = res.headers.location && Buffer.from(res.headers.location, 'latin1').toString();
    if (location !== targets[i]) console.log(`${name}: ${targets[i]} -> ${location ?? res.statusCode}`);
  }
}
process.exit(0);
JS
quietly go mod init example.com/probe
quietly go get github.com/gin-gonic/gin@v1.11.0 github.com/labstack/echo/v4@v4.13.4
quietly go mod tidy
quietly go build -o probe .
{ ./probe; node probe.mjs; } >seen

echo "$(go version), Node.js version: $(node --version)"
npm ls --depth 0 | tail -n +2
echo "addresses that changed:"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
net/http: /a//b -> /a/b
net/http: /a/../b -> /b
net/http: /文件 -> /%e6%96%87%e4%bb%b6
net/http: /x#第一 -> /x#%e7%ac%ac%e4%b8%80
gin: /a//b -> /a/b
gin: /a/../b -> /b
gin: /文件 -> /%e6%96%87%e4%bb%b6
gin: /x#第一 -> /x#%e7%ac%ac%e4%b8%80
express: /50% -> /50%25
express: /文件 -> /%E6%96%87%E4%BB%B6
express: /x#第一 -> /x#%E7%AC%AC%E4%B8%80
koa: /50% -> /50%25
koa: /文件 -> /%E6%96%87%E4%BB%B6
koa: /x#第一 -> /x#%E7%AC%AC%E4%B8%80
fastify: /文件 -> 500
fastify: /x#第一 -> 500
hono: /文件 -> /%E6%96%87%E4%BB%B6
hono: /x#第一 -> /x#%E7%AC%AC%E4%B8%80
EXPECTED
