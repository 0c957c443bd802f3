#!/usr/bin/env bash
# HAProxy's Lua client asks a slow authentication server four times
#
# Runs:    core.httpclient() in HAProxy version 2.6.12 (Debian 12's package haproxy), as
#          forward authentication written in Lua uses it, against a server (Node.js version
#          20.20.2) that is quick, slower than the timeout of 400 ms, or that closes the
#          connection.
# Seen:    quick: asked once. Slow: asked four times, and the client waits four timeouts.
#          A closed connection: asked four times as well, at once.
# Guess:   a timeout is how long one waits; one call is one request.
# Matters: when the login service is slow, it gets four times the load, which makes it
#          slower; and the visitor waits four times as long as is written in the file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >ask.lua <<'LUA'
core.register_action("ask", {"http-req"}, function(txn)
	local answer = core.httpclient():get{url = os.getenv("AUTH"), timeout = 400}
	txn:set_var("txn.status", answer and answer.status or 0)
end)
LUA
cat >haproxy.cfg <<CONF
global
	lua-load $work/ask.lua
defaults
	mode http
	timeout connect 2s
	timeout client 20s
	timeout server 20s
frontend front
	bind unix@$work/front.sock
	http-request lua.ask
	http-request return status 200 hdr status %[var(txn.status)]
CONF
cat >run.mjs <<'JS'
import http from 'node:http';
import fs from 'node:fs';
import { spawn } from 'node:child_process';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
let asked = 0;
let mood = '';
const auth = http.createServer((req, res) => {
  asked++;
  if (mood === 'closes') req.socket.destroy();
  else setTimeout(() => res.end('ok'), mood === 'slow' ? 5000 : 0);
}).listen(0, '127.0.0.1');
await new Promise((done) => auth.once('listening', done));
const haproxy = spawn('haproxy', ['-f', 'haproxy.cfg', '-db'], {
  env: { ...process.env, AUTH: `http://127.0.0.1:${auth.address().port}/verify` }, stdio: 'ignore',
});
while (!fs.existsSync('front.sock')) await wait(50);
for (mood of ['quick', 'slow', 'closes']) {
  asked = 0;
  const began = Date.now();
  const status = await new Promise((done, fail) => http.get({ socketPath: 'front.sock' }, (res) => {
    res.resume();
    done(res.headers.status);
  }).on('error', fail));
  const waited = Math.floor((Date.now() - began) / 400);
  await wait(1000);
  console.log(`${mood}: status ${status}, asked ${asked} times, waited ${waited} timeouts`);
}
haproxy.kill();
process.exit(0);
JS
node run.mjs >seen

haproxy -v | sed -n 1p
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
quick: status 200, asked 1 times, waited 0 timeouts
slow: status 504, asked 4 times, waited 4 timeouts
closes: status 502, asked 4 times, waited 0 timeouts
EXPECTED
