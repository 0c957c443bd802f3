#!/usr/bin/env bash
# One key that a library does not know makes it lose the whole key set
#
# Runs:    a JWKS with an RSA key and one more key, and an ID token signed by the RSA key,
#          through coreos/go-oidc v3.21.0, MicahParks/keyfunc v3.9.2, lestrrat-go/jwx
#          v3.4.0 (Go proxy) and jose 6.1.0, jwks-rsa 3.2.0 (npm). The other key is
#          secp256k1 (ES256K), Ed448, or the kty "AKP" of ML-DSA (the post-quantum kind).
# Seen:    jwx reads nothing of a set with any of the three beside it: no token verifies,
#          though the RSA key is there. All others pass over what they do not know.
# Guess:   RFC 7517 §5 says that unknown keys should be ignored, so they are.
# Matters: a provider that publishes its first key of a new kind, months before it signs
#          with it, locks out every client on such a library at that moment. Keys of new
#          kinds belong to clients that asked for them, or jwx wants its option to ignore
#          parse errors.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . jose@6.1.0 jwks-rsa@3.2.0
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
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
	ctx, keys, token := context.Background(), os.Args[1], os.Args[2]
	_, err := oidc.NewVerifier("https://op.example", oidc.NewRemoteKeySet(ctx, keys), &oidc.Config{ClientID: "app"}).Verify(ctx, token)
	fmt.Print("go-oidc ", said(err))
	functions, err := keyfunc.NewDefaultCtx(ctx, []string{keys})
	if err == nil {
		_, err = jwt.Parse(token, functions.Keyfunc)
	}
	fmt.Print(", keyfunc ", said(err))
	set, err := jwk.Fetch(ctx, keys)
	if err == nil {
		_, err = jwx.ParseString(token, jwx.WithKeySet(set))
	}
	fmt.Print(", jwx ", said(err))
}
GO
quietly go mod init example.com/probe
quietly go get github.com/coreos/go-oidc/v3@v3.21.0 github.com/MicahParks/keyfunc/v3@v3.9.2 github.com/lestrrat-go/jwx/v3@v3.4.0
quietly go mod tidy
quietly go build -o client .
cat >run.mjs <<'JS'
import http from 'node:http';
import crypto from 'node:crypto';
import { execFile } from 'node:child_process';
import * as jose from 'jose';
import jwksRsa from 'jwks-rsa';

const { publicKey, privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
const rsa = { ...(await jose.exportJWK(publicKey)), kid: 'rsa', use: 'sig', alg: 'RS256' };
const key = (type, options) => crypto.generateKeyPairSync(type, options).publicKey.export({ format: 'jwk' });
const sets = {
  'RSA alone': [],
  'and secp256k1': [{ ...key('ec', { namedCurve: 'secp256k1' }), kid: 'new', use: 'sig', alg: 'ES256K' }],
  'and Ed448': [{ ...key('ed448'), kid: 'new', use: 'sig', alg: 'Ed448' }],
  'and AKP': [{ kty: 'AKP', alg: 'ML-DSA-44', pub: crypto.randomBytes(1312).toString('base64url'), kid: 'new', use: 'sig' }],
};
const token = await new jose.SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'rsa' })
  .setIssuer('https://op.example').setAudience('app').setSubject('lin').setIssuedAt().setExpirationTime('1h').sign(privateKey);

let published = [];
const server = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ keys: [...published, rsa] }));
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const url = `http://127.0.0.1:${server.address().port}/jwks`;
const said = (promise) => promise.then(() => 'yes', () => 'no');
for (const [name, keys] of Object.entries(sets)) {
  published = keys;
  const go = await new Promise((done, fail) => execFile('./client', [url, token], (error, out) => (error ? fail(error) : done(out))));
  console.log(`${name}: ${go}, jose ${await said(jose.jwtVerify(token, jose.createRemoteJWKSet(new URL(url))))}`
    + `, jwks-rsa ${await said(jwksRsa({ jwksUri: url }).getSigningKey('rsa'))}`);
}
process.exit(0);
JS
node run.mjs >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
RSA alone: go-oidc yes, keyfunc yes, jwx yes, jose yes, jwks-rsa yes
and secp256k1: go-oidc yes, keyfunc yes, jwx no, jose yes, jwks-rsa yes
and Ed448: go-oidc yes, keyfunc yes, jwx no, jose yes, jwks-rsa yes
and AKP: go-oidc yes, keyfunc yes, jwx no, jose yes, jwks-rsa yes
EXPECTED
