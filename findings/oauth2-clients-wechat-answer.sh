#!/usr/bin/env bash
# Generic OAuth 2 clients and WeChat's token answer: three refuse, one burns the code
#
# Runs:    golang.org/x/oauth2 v0.38.0 (Go proxy), openid-client 6.8.1, simple-oauth2 5.1.0
#          and passport-oauth2 1.8.0 (npm) against a token endpoint that answers in
#          WeChat's shape: JSON, no token_type, Content-Type text/plain.
# Seen:    x/oauth2 reads text/plain as a form, finds no access_token, and because it does
#          not know the endpoint *sends the code a second time* with the secret in the
#          body. simple-oauth2 refuses the content type, openid-client misses token_type
#          (even as application/json). passport-oauth2 takes it as it is.
# Guess:   JSON is JSON, all cope; at worst an error, after one request.
# Matters: a code works once. Where the first try has been counted, the second answer
#          ("code been used", 40163) is what the program and the log tell. A setting
#          (AuthStyle) saves the code, but nothing makes x/oauth2 read the answer but a
#          transport that mends its Content-Type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . openid-client@6.8.1 simple-oauth2@5.1.0 passport-oauth2@1.8.0
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/oauth2"
)

func main() {
	config := oauth2.Config{ClientID: "wx0123456789abcdef", ClientSecret: "secret", Endpoint: oauth2.Endpoint{TokenURL: os.Args[1]}}
	if _, err := config.Exchange(context.Background(), "CODE"); err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
}
GO
quietly go mod init example.com/probe
quietly go get golang.org/x/oauth2@v0.38.0
quietly go build -o client .
cat >run.mjs <<'JS'
import http from 'node:http';
import { execFile } from 'node:child_process';
import * as openid from 'openid-client';
import { AuthorizationCode } from 'simple-oauth2';
import Strategy from 'passport-oauth2';

const answer = JSON.stringify({ access_token: 'ACCESS', expires_in: 7200, refresh_token: 'REFRESH', openid: 'oOPENID', scope: 'snsapi_base' });
let codes = 0;
const server = http.createServer((req, res) => {
  let body = '';
  req.on('data', (piece) => { body += piece; }).on('end', () => {
    if (body.includes('code=CODE')) codes++;
    res.setHeader('Content-Type', req.url === '/text' ? 'text/plain' : 'application/json');
    res.end(answer);
  });
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const base = `http://127.0.0.1:${server.address().port}`;

const id = 'wx0123456789abcdef';
const clients = {
  'x/oauth2': (url) => new Promise((done, fail) => execFile('./client', [url], (error, out) => (error ? fail(new Error(out)) : done()))),
  'openid-client': (url) => {
    const config = new openid.Configuration({ issuer: base, token_endpoint: url }, id, 'secret');
    openid.allowInsecureRequests(config);
    return openid.authorizationCodeGrant(config, new URL('http://127.0.0.1/callback?code=CODE'), {});
  },
  'simple-oauth2': (url) => new AuthorizationCode({ client: { id, secret: 'secret' }, auth: { tokenHost: base, tokenPath: new URL(url).pathname } })
    .getToken({ code: 'CODE', redirect_uri: 'http://127.0.0.1/callback' }),
  'passport-oauth2': (url) => new Promise((done, fail) => new Strategy({ authorizationURL: base, tokenURL: url, clientID: id, clientSecret: 'secret' }, () => {})
    ._oauth2.getOAuthAccessToken('CODE', { grant_type: 'authorization_code' }, (error, token) => (error ? fail(error) : done(token)))),
};
for (const type of ['text', 'json']) {
  for (const [name, exchange] of Object.entries(clients)) {
    codes = 0;
    const outcome = await exchange(`${base}/${type}`).then(() => 'ok', (error) => (error.cause?.message ?? error.message).trim());
    console.log(`${type}, ${name}: code sent ${codes} times, ${outcome.slice(0, 60)}`);
  }
}
process.exit(0);
JS
node run.mjs >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
text, x/oauth2: code sent 2 times, oauth2: server response missing access_token
text, openid-client: code sent 1 times, "response" body "token_type" property must be a string
text, simple-oauth2: code sent 1 times, The content-type is not JSON compatible
text, passport-oauth2: code sent 1 times, ok
json, x/oauth2: code sent 1 times, ok
json, openid-client: code sent 1 times, "response" body "token_type" property must be a string
json, simple-oauth2: code sent 1 times, ok
json, passport-oauth2: code sent 1 times, ok
EXPECTED
