#!/usr/bin/env bash
# After one 503 a page's EventSource never comes again; some clients of Node.js do
#
# Runs:    the EventSource of Chromium (Debian 12's chromium or chromium-headless-shell), of
#          undici 7.16.0, and eventsource 2.0.2 and 4.1.0, launchdarkly-eventsource 2.2.0 and
#          eventsource-client 1.2.0 (npm, on Node.js version 20.20.2), each on a stream that
#          ends once, and whose second request is answered otherwise.
# Seen:    a stream that ends, and a connection that is cut, are opened again by all. A 500,
#          502 or 503, as a proxy gives while a service restarts, ends it for good in Chromium,
#          undici and eventsource 4 (as the standard says), and not in eventsource 2,
#          launchdarkly-eventsource and eventsource-client. 429 ends it for five of six, and a
#          page of HTML for three. 204 ends it for all.
# Guess:   EventSource is the one that reconnects by itself, so a restart of a second is
#          bridged; and a test in Node.js shows what a browser does.
# Matters: a page that waits for a phone to confirm a login waits for ever after a restart
#          behind a proxy. onerror has to look at readyState, and then ask in another way or
#          open a new stream.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

browser=$(command -v chromium-headless-shell || command -v chromium) || { echo "chromium is missing"; exit 2; }
npm install --silent --no-audit --no-fund --prefix . eventsource@4.1.0 eventsource2@npm:eventsource@2.0.2 \
	launchdarkly-eventsource@2.2.0 eventsource-client@1.2.0 undici@7.16.0 >npm.log 2>&1 || { cat npm.log; exit 2; }
cat >probe.mjs <<'JS'
import http from 'node:http';
import { spawn } from 'node:child_process';
import { EventSource as Newer } from 'eventsource';
import Older from 'eventsource2';
import launchdarkly from 'launchdarkly-eventsource';
import { createEventSource } from 'eventsource-client';
import { EventSource as Undici } from 'undici';

const quiet = (source) => { source.onerror = () => {}; return () => source.close(); };
function chromium(events) {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${process.cwd()}/profile${Date.now()}`];
  const browser = spawn(process.argv[2], [...flags, events.replace('/events', '/page')], { stdio: 'ignore', detached: true });
  return () => process.kill(-browser.pid, 'SIGKILL');
}
const clients = {
  'Chromium': chromium,
  'undici': (url) => quiet(new Undici(url)),
  'eventsource 4': (url) => quiet(new Newer(url)),
  'eventsource 2': (url) => quiet(new Older(url)),
  'launchdarkly-eventsource': (url) => quiet(new launchdarkly.EventSource(url, { initialRetryDelayMillis: 50 })),
  'eventsource-client': (url) => { const source = createEventSource({ url, onMessage() {} }); return () => source.close(); },
};
const second = [
  ['the stream ends', (res) => { res.writeHead(200, { 'Content-Type': 'text/event-stream' }); res.end('data: waiting\n\n'); }],
  ['cut', (res) => res.destroy()],
  ...['500', '502', '503', '429', '204'].map((status) => [status, (res) => res.writeHead(Number(status)).end()]),
  ['a page of HTML', (res) => { res.writeHead(200, { 'Content-Type': 'text/html' }); res.end('soon'); }],
];
for (const [answer, give] of second) {
  const again = await Promise.all(Object.entries(clients).map(async ([name, open]) => {
    let asked = 0, close;
    const outcome = await new Promise((done) => {
      const server = http.createServer((req, res) => {
        if (req.url === '/page') return res.setHeader('Content-Type', 'text/html').end('<script>new EventSource("/events")</script>');
        if (req.url !== '/events') return res.writeHead(404).end();
        asked++;
        if (asked > 2) return done(true);
        if (asked === 2) { setTimeout(() => done(false), 8000); return give(res); }
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.end('retry: 50\n\ndata: waiting\n\n');
      });
      server.listen(0, '127.0.0.1', () => { close = open(`http://127.0.0.1:${server.address().port}/events`); });
    });
    close();
    return outcome ? name : null;
  }));
  console.log(`${answer}: ${again.filter(Boolean).join(', ') || 'none'} come again`);
}
process.exit(0);
JS
node --no-warnings probe.mjs "$browser" >seen

npm ls --depth 0 | tail -n +2
"$browser" --version --no-sandbox 2>/dev/null || true
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
the stream ends: Chromium, undici, eventsource 4, eventsource 2, launchdarkly-eventsource, eventsource-client come again
cut: Chromium, undici, eventsource 4, eventsource 2, launchdarkly-eventsource, eventsource-client come again
500: eventsource 2, launchdarkly-eventsource, eventsource-client come again
502: eventsource 2, launchdarkly-eventsource, eventsource-client come again
503: eventsource 2, launchdarkly-eventsource, eventsource-client come again
429: eventsource-client come again
204: none come again
a page of HTML: eventsource 2, launchdarkly-eventsource, eventsource-client come again
EXPECTED
