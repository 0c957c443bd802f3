#!/usr/bin/env bash
# After a key rotation four libraries notice at once, after 30 seconds, once, or not
#
# Runs:    a JWKS (Cache-Control: max-age=1) whose client has just fetched it, then gets two
#          new keys, a second apart, each signing at once; through coreos/go-oidc v3.21.0,
#          MicahParks/keyfunc v3.9.2, lestrrat-go/jwx v3.4.0's jwk.Cache (Go proxy) and jose
#          6.1.0's createRemoteJWKSet (npm).
# Seen:    go-oidc asks again for every key id that it does not know, and verifies both.
#          keyfunc asks for the first and then not again for minutes, so the second key is
#          unknown. jose does not ask within 30 seconds of the last fetch, and then does.
#          jwx's cache does not ask for an unknown key id at all. max-age moves none.
# Guess:   an unknown kid means "fetch once more"; at most a cache honours max-age.
# Matters: a key that signs as soon as it is published ends logins at some clients for half
#          a minute or much longer, and only just after they started or somebody else's
#          token made them ask. Publish a day before signing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . jose@6.1.0
cat >main.go <<'GO'
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

func said(err error) string {
	if err != nil {
		return "no"
	}
	return "yes"
}

func main() {
	ctx, keys := context.Background(), os.Args[1]
	verifier := oidc.NewVerifier("https://op.example", oidc.NewRemoteKeySet(ctx, keys), &oidc.Config{ClientID: "app"})
	functions, err := keyfunc.NewDefaultCtx(ctx, []string{keys})
	if err != nil {
		panic(err)
	}
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		panic(err)
	}
	if err := cache.Register(ctx, keys); err != nil {
		panic(err)
	}
	cached, err := cache.CachedSet(keys)
	if err != nil {
		panic(err)
	}
	in := bufio.NewReader(os.Stdin)
	for {
		token, err := in.ReadString('\n')
		if err != nil {
			return
		}
		token = strings.TrimSpace(token)
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, oidcErr := verifier.Verify(limited, token)
		_, keyfuncErr := jwt.Parse(token, functions.KeyfuncCtx(limited))
		_, jwxErr := jwx.ParseString(token, jwx.WithKeySet(cached))
		cancel()
		fmt.Printf("go-oidc %s, keyfunc %s, jwx %s\n", said(oidcErr), said(keyfuncErr), said(jwxErr))
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/coreos/go-oidc/v3@v3.21.0 github.com/MicahParks/keyfunc/v3@v3.9.2 github.com/lestrrat-go/jwx/v3@v3.4.0
quietly go mod tidy
quietly go build -o client .
cat >run.mjs <<'JS'
import http from 'node:http';
import readline from 'node:readline';
import { spawn } from 'node:child_process';
import * as jose from 'jose';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const make = async (kid) => {
  const { publicKey, privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  const token = await new jose.SignJWT({}).setProtectedHeader({ alg: 'RS256', kid })
    .setIssuer('https://op.example').setAudience('app').setSubject('lin').setIssuedAt().setExpirationTime('1h').sign(privateKey);
  return { jwk: { ...(await jose.exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' }, token };
};
const [first, second, third] = [await make('first'), await make('second'), await make('third')];
const keys = [first.jwk];
const server = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.setHeader('Cache-Control', 'max-age=1');
  res.end(JSON.stringify({ keys }));
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const url = `http://127.0.0.1:${server.address().port}/jwks`;

const client = spawn('./client', [url], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = readline.createInterface({ input: client.stdout })[Symbol.asyncIterator]();
const set = jose.createRemoteJWKSet(new URL(url));
const show = async (what, { token }) => {
  const ours = await jose.jwtVerify(token, set).then(() => 'yes', () => 'no');
  client.stdin.write(`${token}\n`);
  console.log(`${what}: ${(await lines.next()).value}, jose ${ours}`);
};
await show('the first key', first);
await wait(1500);
keys.push(second.jwk);
await show('a new key', second);
await wait(1500);
keys.push(third.jwk);
await show('another one', third);
await wait(30000);
await show('30 seconds later', third);
client.kill();
process.exit(0);
JS
node run.mjs >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
the first key: go-oidc yes, keyfunc yes, jwx yes, jose yes
a new key: go-oidc yes, keyfunc yes, jwx no, jose no
another one: go-oidc yes, keyfunc no, jwx no, jose no
30 seconds later: go-oidc yes, keyfunc no, jwx no, jose yes
EXPECTED
