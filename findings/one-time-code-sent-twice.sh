#!/usr/bin/env bash
# Some HTTP clients send a one-time code twice by themselves
#
# Runs:    GET …?code=… on a kept-alive connection that the server closes after it has read
#          the request, through net/http of Go version 1.26.8, curl version 7.88.1 (Debian
#          12's package), got version 14.4.7, axios version 1.12.2 (npm) and fetch of Node.js
#          version 20.20.2.
# Seen:    net/http, curl and got send the same request again and show the second answer;
#          axios and fetch report the broken connection, and the code was sent once.
# Guess:   a client that was told no retries makes none; a request either fails or was
#          sent once. (Or: all of them resend an idempotent GET.)
# Matters: WeChat's code exchange is a GET with a code that works once. The first request
#          may have been carried out; the second is then refused with 40163 "code been
#          used", and this is all that the program ever sees. Where a request must go out
#          once it needs a connection of its own (Go: DisableKeepAlives) and, in got,
#          retry: {limit: 0}.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . got@14.4.7 axios@1.12.2
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for _, address := range os.Args[1:] {
		answer, err := http.Get(address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		io.Copy(os.Stdout, answer.Body)
		answer.Body.Close()
	}
}
GO
quietly go mod init example.com/probe
quietly go build -o client .
cat >run.mjs <<'JS'
import http from 'node:http';
import { execFile } from 'node:child_process';
import axios from 'axios';
import got from 'got';

const seen = {};
const server = http.createServer((req, res) => {
  const code = new URL(req.url, 'http://x').searchParams.get('code');
  if (code) {
    seen[code] = (seen[code] ?? 0) + 1;
    if (seen[code] === 1) return req.socket.destroy();
  }
  res.end(code ? 'answered' : 'warm ');
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const base = `http://127.0.0.1:${server.address().port}/`;

const run = (file, args) => new Promise((done, fail) => execFile(file, args, (error, out) => (error ? fail(error) : done(out))));
const agent = new http.Agent({ keepAlive: true });
const kept = axios.create({ httpAgent: agent });
const pooled = got.extend({ agent: { http: new http.Agent({ keepAlive: true }) } });
const clients = {
  'net/http': (code) => run('./client', [base, `${base}?code=${code}`]),
  curl: (code) => run('curl', ['-sS', base, `${base}?code=${code}`]),
  got: async (code) => [await pooled(base).text(), await pooled(`${base}?code=${code}`).text()],
  axios: async (code) => [await kept.get(base), await kept.get(`${base}?code=${code}`)],
  fetch: async (code) => [await (await fetch(base)).text(), await (await fetch(`${base}?code=${code}`)).text()],
};
for (const [name, ask] of Object.entries(clients)) {
  const outcome = await ask(name).then(() => 'an answer', () => 'an error');
  console.log(`${name}: code sent ${seen[name]} times, ${outcome}`);
}
process.exit(0);
JS
node run.mjs >seen

go version
curl --version | sed -n 1p
npm ls --depth 0 | tail -n +2
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
net/http: code sent 2 times, an answer
curl: code sent 2 times, an answer
got: code sent 2 times, an answer
axios: code sent 1 times, an error
fetch: code sent 1 times, an error
EXPECTED
