#!/usr/bin/env bash
# Caddy 2.6 hands a missing identity header on as its own placeholder
#
# Runs:    Caddy version 2.6.2 (Debian 12's package caddy 2.6.2-5) with forward_auth and
#          "copy_headers Remote-User Remote-Groups", before servers in Node.js version
#          20.20.2; the authentication server answers 200 with both, with an empty
#          one, and without Remote-Groups.
# Seen:    both and empty come as they are. The header that is missing reaches the
#          application as the text "{http.reverse_proxy.header.Remote-Groups}".
# Guess:   nothing is copied where nothing is: the header is absent or empty.
# Matters: the application takes this text for a group, writes it to a profile, or mails it;
#          "is there a group at all" is true for everybody. An auth server sends all its
#          headers in every answer, empty ones too.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

cat >servers.mjs <<'JS'
import http from 'node:http';

http.createServer((req, res) => {
  const answers = { '/both': { 'Remote-User': 'lin', 'Remote-Groups': 'staff' }, '/empty': { 'Remote-User': 'lin', 'Remote-Groups': '' }, '/missing': { 'Remote-User': 'lin' } };
  res.writeHead(200, answers[req.headers['x-forwarded-uri']]);
  res.end();
}).listen('auth.sock');
http.createServer((req, res) => res.end(`Remote-User=${req.headers['remote-user']} Remote-Groups=${req.headers['remote-groups']}`)).listen('app.sock');
JS
cat >Caddyfile <<CONF
{
	admin off
	auto_https off
}
http:// {
	bind unix/$work/caddy.sock
	forward_auth unix/$work/auth.sock {
		uri /verify
		copy_headers Remote-User Remote-Groups
	}
	reverse_proxy unix/$work/app.sock
}
CONF
node servers.mjs & pids+=($!)
XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 & pids+=($!)
for _ in $(seq 100); do [ -S app.sock ] && [ -S caddy.sock ] && break; sleep 0.1; done
for path in /both /empty /missing; do
	echo "$path: $(curl -sS -m 10 --unix-socket caddy.sock "http://h5.example.com$path")"
done >seen

echo "Caddy version: $(caddy version)"
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
/both: Remote-User=lin Remote-Groups=staff
/empty: Remote-User=lin Remote-Groups=
/missing: Remote-User=lin Remote-Groups={http.reverse_proxy.header.Remote-Groups}
EXPECTED
