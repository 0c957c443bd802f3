#!/usr/bin/env bash
# An authentication server that says "ok" gets a new connection for every request
#
# Runs:    an authentication server (Node.js version 20.20.2) that counts connections,
#          behind nginx version 1.22.1 (auth_request, an upstream with keepalive 8, HTTP/1.1
#          and an empty Connection, as the manual wants it) and Caddy version 2.6.2
#          (forward_auth), both Debian 12's packages; ten requests one after the other.
# Seen:    with an empty 200 or a 204 all ten questions take one connection. With the two
#          bytes "ok" behind the 200 each question takes a new one, in both. With a body
#          behind the 401 nginx takes a new one each time, and Caddy, which shows that body
#          to the browser, takes one. The proxies never read a body that they do not show,
#          and a connection with something unread in it cannot be used again.
# Guess:   keepalive is configured, so connections are kept; a body of two bytes, in the
#          same packet, is read and thrown away.
# Matters: the authentication server is asked for every picture of a page. "ok" doubles
#          the packets of each question, costs a TLS handshake where that server is
#          elsewhere, and fills the table of closed connections; nothing in a log says so.
#          Answer with Content-Length: 0 or 204, and refuse without a body where nginx asks.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

cat >server.js <<'JS'
const http = require('http');
let connections = 0;
const answers = { 'empty 200': [200, ''], '204': [204], '200 and ok': [200, 'ok'], 'empty 401': [401, ''], '401 and JSON': [401, '{"error":"unauthorized"}'] };
http.createServer((req, res) => {
  if (req.url === '/count') return res.end(String(connections));
  const [status, body] = answers[req.headers['x-answer']];
  res.writeHead(status, body === undefined ? {} : { 'Content-Length': body.length });
  res.end(body);
}).on('connection', () => connections++).listen('auth.sock');
http.createServer((req, res) => res.end('page')).listen('app.sock');
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
	upstream auth { server unix:$work/auth.sock; keepalive 8; }
	server {
		listen unix:$work/nginx.sock;
		location = /auth {
			internal;
			proxy_pass http://auth/verify;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
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
node server.js & pids+=($!)
nginx -e "$work/error.log" -c "$work/nginx.conf" & pids+=($!)
XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 & pids+=($!)
for _ in $(seq 100); do [ -S app.sock ] && [ -S auth.sock ] && [ -S nginx.sock ] && [ -S caddy.sock ] && break; sleep 0.1; done

count() { curl -s --unix-socket auth.sock http://auth.example.com/count; }
for proxy in nginx caddy; do
	for answer in 'empty 200' 204 '200 and ok' 'empty 401' '401 and JSON'; do
		# The first question may open a connection, whatever was there before.
		for i in 0 1 2 3 4 5 6 7 8 9; do
			status=$(curl -s -m 10 -o /dev/null -w '%{http_code}' --unix-socket $proxy.sock -H "X-Answer: $answer" http://h5.example.com/picture.jpg)
			[ $i -gt 0 ] || before=$(count)
		done
		# The question for the count is a connection of its own.
		printf '%-5s %-12s -> %s, nine more questions: %d more connections\n' $proxy "$answer" "$status" $(($(count) - before - 1)) >>seen
	done
done

nginx -v 2>&1
echo "Caddy version: $(caddy version)"
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
nginx empty 200    -> 200, nine more questions: 0 more connections
nginx 204          -> 200, nine more questions: 0 more connections
nginx 200 and ok   -> 200, nine more questions: 9 more connections
nginx empty 401    -> 401, nine more questions: 0 more connections
nginx 401 and JSON -> 401, nine more questions: 9 more connections
caddy empty 200    -> 200, nine more questions: 0 more connections
caddy 204          -> 200, nine more questions: 0 more connections
caddy 200 and ok   -> 200, nine more questions: 9 more connections
caddy empty 401    -> 401, nine more questions: 0 more connections
caddy 401 and JSON -> 401, nine more questions: 0 more connections
EXPECTED
