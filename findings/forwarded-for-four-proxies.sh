#!/usr/bin/env bash
# The same X-Forwarded-For through four proxies: three shapes
#
# Runs:    a request that brings "X-Forwarded-For: 203.0.113.7" and "X-Forwarded-Proto: https"
#          through nginx version 1.22.1 ($proxy_add_x_forwarded_for), Apache version 2.4.71
#          (mod_proxy_http), Caddy version 2.6.2 and HAProxy version 2.6.12 (option
#          forwardfor), all Debian 12's packages, to a server in Node.js version 20.20.2 that
#          prints the header lines it gets.
# Seen:    nginx and Apache make one line "203.0.113.7, 127.0.0.1". Caddy believes nobody and
#          sends "127.0.0.1" alone, and makes the https a http. HAProxy adds a *second
#          header line* and leaves the first as the client wrote it.
# Guess:   all append to the list with a comma, or all replace it.
# Matters: Go's Header.Get and many other readers see the first line only, which behind
#          HAProxy is the client's own; the proxy's word stands in the second. Behind Caddy,
#          a TLS proxy in front of it is not believed, and http:// addresses come out. Who
#          reads it takes all lines, from the right, and configures trust at each hop.
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
const app = http.createServer((req, res) => {
  const lines = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (/^x-forwarded-(for|proto)$/i.test(req.rawHeaders[i])) lines.push(`${req.rawHeaders[i].toLowerCase()}: ${req.rawHeaders[i + 1]}`);
  }
  res.end(lines.join(' | '));
}).listen(0, '127.0.0.1');
await new Promise((done) => app.once('listening', done));
const to = `127.0.0.1:${app.address().port}`;
const ports = { nginx: await free(), apache: await free(), caddy: await free(), haproxy: await free() };

fs.writeFileSync('nginx.conf', `pid ${here}/nginx.pid; error_log ${here}/error.log; daemon off; master_process off; events {}
http { access_log off; client_body_temp_path ${here}/t1; proxy_temp_path ${here}/t2; fastcgi_temp_path ${here}/t3; uwsgi_temp_path ${here}/t4; scgi_temp_path ${here}/t5;
server { listen 127.0.0.1:${ports.nginx}; location / { proxy_pass http://${to}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } } }`);
const modules = '/usr/lib/apache2/modules';
fs.writeFileSync('apache.conf', ['ServerName h5.example.com', `ServerRoot ${here}`, `DefaultRuntimeDir ${here}`, `PidFile ${here}/apache.pid`, `ErrorLog ${here}/apache.log`,
  `Mutex file:${here} default`, `Listen 127.0.0.1:${ports.apache}`, ...['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
  `ProxyPass / http://${to}/`, ''].join('\n'));
fs.writeFileSync('Caddyfile', `{\n\tadmin off\n\tauto_https off\n}\nhttp://:${ports.caddy} {\n\tbind 127.0.0.1\n\treverse_proxy ${to}\n}\n`);
fs.writeFileSync('haproxy.cfg', `defaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 5s\n\ttimeout server 5s\n\toption forwardfor\nfrontend front\n\tbind 127.0.0.1:${ports.haproxy}\n\tdefault_backend back\nbackend back\n\tserver app ${to}\n`);
const quiet = { stdio: 'ignore', env: { ...process.env, XDG_DATA_HOME: here, XDG_CONFIG_HOME: here } };
const children = [
  spawn('nginx', ['-e', `${here}/error.log`, '-c', `${here}/nginx.conf`], quiet),
  spawn('apache2', ['-f', `${here}/apache.conf`, '-DFOREGROUND'], quiet),
  spawn('caddy', ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], quiet),
  spawn('haproxy', ['-f', 'haproxy.cfg', '-db'], quiet),
];
const headers = { host: 'h5.example.com', 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
const ask = (port) => new Promise((done, fail) => http.get({ host: '127.0.0.1', port, headers }, (res) => {
  let body = '';
  res.on('data', (piece) => { body += piece; }).on('end', () => done(body));
}).on('error', fail));
for (const [name, port] of Object.entries(ports)) {
  for (let tries = 0; ; tries++) {
    try { console.log(`${name}: ${await ask(port)}`); break; } catch (error) { if (tries === 100) throw error; await wait(100); }
  }
}
for (const child of children) child.kill();
process.exit(0);
JS
node run.mjs >seen

nginx -v 2>&1
apache2 -v | sed -n 1p
echo "Caddy version: $(caddy version)"
haproxy -v | sed -n 1p
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
nginx: x-forwarded-for: 203.0.113.7, 127.0.0.1 | x-forwarded-proto: https
apache: x-forwarded-for: 203.0.113.7, 127.0.0.1 | x-forwarded-proto: https
caddy: x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http
haproxy: x-forwarded-for: 203.0.113.7 | x-forwarded-proto: https | x-forwarded-for: 127.0.0.1
EXPECTED
