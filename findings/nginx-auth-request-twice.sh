#!/usr/bin/env bash
# nginx asks the authentication server twice for one page
#
# Runs:    nginx version 1.22.1 (Debian 12's package nginx) with auth_request in front of
#          static files, asked with curl version 7.88.1 over unix sockets.
# Seen:    "/" and a folder's "/help/" (index), and a deep link of a single-page
#          application (try_files … /index.html), are each two subrequests of
#          auth_request with the same original address. A file by its own name, a
#          404 and a proxied address are one.
# Guess:   one request of the browser, one question. But index and the last
#          argument of try_files are internal redirects, the request starts over,
#          and what auth_request had learnt is forgotten.
# Matters: the start page costs the login service twice what the access log says;
#          a one-time token or a counted rate limit at the auth server is used up
#          by the first question and fails the second.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "$(cat "$work/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

mkdir -p site/help
echo page | tee site/index.html >site/help/index.html
cat >nginx.conf <<CONF
pid $work/pid;
error_log $work/error.log;
master_process off;
events {}
http {
	client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
	uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
	log_format asked '\$http_x_original_uri';
	server { # the authentication server: yes to everybody
		listen unix:$work/auth.sock;
		access_log $work/asked asked;
		location / { return 204; }
	}
	server {
		listen unix:$work/front.sock;
		access_log off;
		root $work/site;
		index index.html;
		auth_request /auth;
		location = /auth {
			internal;
			auth_request off;
			proxy_pass http://unix:$work/auth.sock:/;
			proxy_set_header X-Original-URI \$request_uri;
		}
		location /app/ { try_files \$uri /index.html; }
		location /api/ { proxy_pass http://unix:$work/auth.sock:/; access_log off; }
	}
}
CONF
nginx -e "$work/error.log" -c "$work/nginx.conf" -g 'daemon on;'
for _ in $(seq 50); do [ -S front.sock ] && break; sleep 0.1; done

for path in / /help/ /app/people/7 /index.html /nothing /api/x; do
	: >asked
	curl -s -o /dev/null --unix-socket front.sock "http://h5.example.com$path"
	for _ in 1 2 3 4 5; do [ -s asked ] && break; sleep 0.1; done
	printf '%-14s asked %s times\n' "$path" "$(grep -cxF "$path" asked || true)" >>seen
done

nginx -v 2>&1
curl --version | sed -n 1p
cat seen
diff - seen <<'EXPECTED' && echo "As described."
/              asked 2 times
/help/         asked 2 times
/app/people/7  asked 2 times
/index.html    asked 1 times
/nothing       asked 1 times
/api/x         asked 1 times
EXPECTED
