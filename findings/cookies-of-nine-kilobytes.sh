#!/usr/bin/env bash
# Nine kilobytes of cookies: two proxies answer 400 before anybody is asked
#
# Runs:    requests with 7, 9 and 17 cookies of 1,015 bytes (a session that a library splits
#          over several cookies, beside a few of other sites on the domain) through nginx
#          version 1.22.1, Apache version 2.4.71, HAProxy version 2.6.12 and Caddy version
#          2.6.2 (Debian 12's packages) to a server in Node.js version 20.20.2 that takes
#          64 kB.
# Seen:    nginx and Apache refuse 9 with a bare 400: one header *line* is limited, to 8 kB,
#          by nginx although its buffers are four. HAProxy takes 9 and refuses 17. Caddy
#          takes all. Apache names the header in its page, nginx says "Request Header Or
#          Cookie Too Large".
# Guess:   a proxy takes what browsers send (they keep 180 cookies of 4 kB a site), or says
#          431 as the standard has it.
# Matters: forward authentication never hears of such a request, so it cannot end the
#          session, clear the cookies or show a page: the person is locked out of the whole
#          host until cookies are deleted by hand. large_client_header_buffers,
#          LimitRequestFieldSize, tune.bufsize; and small cookies.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >run.mjs <<'JS'
import http from 'node:http';
import net from 'node:net';
import fs from 'node:fs';
import { spawn } from 'node:child_process';

const here = process.cwd();
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const free = () => new Promise((done) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => done(port)); });
});
const app = http.createServer({ maxHeaderSize: 65536 }, (req, res) => res.end()).listen(0, '127.0.0.1');
await new Promise((done) => app.once('listening', done));
const to = `127.0.0.1:${app.address().port}`;
const ports = { nginx: await free(), apache: await free(), caddy: await free(), haproxy: await free() };

fs.writeFileSync('nginx.conf', `pid ${here}/nginx.pid; error_log ${here}/error.log; daemon off; master_process off; events {}
http { access_log off; client_body_temp_path ${here}/t1; proxy_temp_path ${here}/t2; fastcgi_temp_path ${here}/t3; uwsgi_temp_path ${here}/t4; scgi_temp_path ${here}/t5;
server { listen 127.0.0.1:${ports.nginx}; location / { proxy_pass http://${to}; } } }`);
const modules = '/usr/lib/apache2/modules';
fs.writeFileSync('apache.conf', ['ServerName h5.example.com', `ServerRoot ${here}`, `DefaultRuntimeDir ${here}`, `PidFile ${here}/apache.pid`, `ErrorLog ${here}/apache.log`,
  `Mutex file:${here} default`, `Listen 127.0.0.1:${ports.apache}`, ...['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
  `ProxyPass / http://${to}/`, ''].join('\n'));
fs.writeFileSync('Caddyfile', `{\n\tadmin off\n\tauto_https off\n}\nhttp://:${ports.caddy} {\n\tbind 127.0.0.1\n\treverse_proxy ${to}\n}\n`);
fs.writeFileSync('haproxy.cfg', `defaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 5s\n\ttimeout server 5s\nfrontend front\n\tbind 127.0.0.1:${ports.haproxy}\n\tdefault_backend back\nbackend back\n\tserver app ${to}\n`);
const quiet = { stdio: 'ignore', env: { ...process.env, XDG_DATA_HOME: here, XDG_CONFIG_HOME: here } };
const children = [
  spawn('nginx', ['-e', `${here}/error.log`, '-c', `${here}/nginx.conf`], quiet),
  spawn('apache2', ['-f', `${here}/apache.conf`, '-DFOREGROUND'], quiet),
  spawn('caddy', ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], quiet),
  spawn('haproxy', ['-f', 'haproxy.cfg', '-db'], quiet),
];
const ask = (port, count) => new Promise((done, fail) => http.get({
  host: '127.0.0.1', port, headers: { host: 'h5.example.com', cookie: Array.from({ length: count }, (_, i) => `part${10 + i}=${'x'.repeat(1008)}`).join('; ') },
}, (res) => { res.resume(); done(res.statusCode); }).on('error', fail));
for (const [name, port] of Object.entries(ports)) {
  for (let tries = 0; ; tries++) {
    try { await ask(port, 1); break; } catch (error) { if (tries === 100) throw error; await wait(100); }
  }
  const said = [];
  for (const count of [7, 9, 17]) said.push(`${count} -> ${await ask(port, count)}`);
  console.log(`${name}: ${said.join(', ')}`);
}
for (const child of children) child.kill();
process.exit(0);
JS
node run.mjs >seen

nginx -v 2>&1
apache2 -v | sed -n 1p
haproxy -v | sed -n 1p
echo "Caddy version: $(caddy version)"
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
nginx: 7 -> 200, 9 -> 400, 17 -> 400
apache: 7 -> 200, 9 -> 400, 17 -> 400
caddy: 7 -> 200, 9 -> 200, 17 -> 200
haproxy: 7 -> 200, 9 -> 200, 17 -> 400
EXPECTED
