#!/usr/bin/env bash
# "If-None-Match: *" on an upload is answered by the authentication server
#
# Runs:    an authentication server in Express version 5.1.0 (npm, on Node.js version
#          20.20.2) that says res.send('ok') to everybody, behind nginx version 1.22.1
#          (auth_request) and Caddy version 2.6.2 (forward_auth), both Debian 12's packages.
# Seen:    PUT with "If-None-Match: *" (create, and never overwrite: WebDAV and S3
#          clients send it) reaches the auth server as a GET with that header, and
#          Express answers 304 to it, with ETags and just so with ETags switched off.
#          nginx turns this into 500, and Caddy hands the 304 to the client, which may
#          well take its file for stored. The application hears of neither. Clearing
#          the header in the subrequest helps.
# Guess:   the question carries cookies and forwarded headers, conditions are for the
#          resource behind, and "ok" is 200. And if it is the ETag, "disable('etag')".
# Matters: one kind of request fails for people who are signed in, and looks like
#          success at one of the proxies. Conditional headers and Range do not belong
#          into the question; an auth server should not look at them.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

npm install --silent --no-audit --no-fund --prefix . express@5.1.0 >npm.log 2>&1 || { cat npm.log; exit 2; }
cat >servers.js <<'JS'
const express = require('express');
const auth = express();
auth.get('/verify', (req, res) => res.send('ok'));
if (process.argv[2] === 'plain') auth.disable('etag');
auth.listen('auth.sock');
const app = express();
app.use((req, res) => res.status(201).send('stored'));
app.listen('app.sock');
JS
cat >nginx.conf <<CONF
pid $work/pid;
error_log $work/error.log;
master_process off;
daemon off;
events {}
http {
	access_log off;
	client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
	uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
	server {
		listen unix:$work/nginx.sock;
		location = /auth {
			internal;
			proxy_pass http://unix:$work/auth.sock:/verify;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
		}
		location / { auth_request /auth; proxy_pass http://unix:$work/app.sock; }
	}
	server {
		listen unix:$work/cleared.sock;
		location = /auth {
			internal;
			proxy_pass http://unix:$work/auth.sock:/verify;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_set_header If-None-Match "";
		}
		location / { auth_request /auth; proxy_pass http://unix:$work/app.sock; }
	}
}
CONF
cat >Caddyfile <<CONF
{
	admin off
	auto_https off
}
http:// {
	bind unix/$work/caddy.sock
	forward_auth unix/$work/auth.sock {
		uri /verify
	}
	reverse_proxy unix/$work/app.sock
}
CONF
nginx -e "$work/error.log" -c "$work/nginx.conf" & pids+=($!)
XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 & pids+=($!)

for etag in express plain; do
	rm -f auth.sock app.sock
	node servers.js $etag & node=$!; pids+=("$node")
	for _ in $(seq 100); do [ -S app.sock ] && [ -S auth.sock ] && [ -S cleared.sock ] && [ -S caddy.sock ] && break; sleep 0.1; done
	for proxy in nginx caddy cleared; do
		for header in 'X-Nothing: 1' 'If-None-Match: *'; do
			status=$(curl -s -m 10 -o /dev/null -w '%{http_code}' --unix-socket $proxy.sock -X PUT -d picture -H "$header" http://h5.example.com/new.jpg)
			echo "auth server: $etag, $proxy, PUT, $header -> $status" >>seen
		done
	done
	kill "$node"; wait "$node" 2>/dev/null || true
done

npm ls --depth 0 | tail -n +2
nginx -v 2>&1
echo "Caddy version: $(caddy version)"
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
auth server: express, nginx, PUT, X-Nothing: 1 -> 201
auth server: express, nginx, PUT, If-None-Match: * -> 500
auth server: express, caddy, PUT, X-Nothing: 1 -> 201
auth server: express, caddy, PUT, If-None-Match: * -> 304
auth server: express, cleared, PUT, X-Nothing: 1 -> 201
auth server: express, cleared, PUT, If-None-Match: * -> 201
auth server: plain, nginx, PUT, X-Nothing: 1 -> 201
auth server: plain, nginx, PUT, If-None-Match: * -> 500
auth server: plain, caddy, PUT, X-Nothing: 1 -> 201
auth server: plain, caddy, PUT, If-None-Match: * -> 304
auth server: plain, cleared, PUT, X-Nothing: 1 -> 201
auth server: plain, cleared, PUT, If-None-Match: * -> 201
EXPECTED
