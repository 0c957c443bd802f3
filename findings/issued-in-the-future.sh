#!/usr/bin/env bash
# A token that is issued a second ahead: one library of nine refuses it, and with a
# greatest age two take one of tomorrow
#
# Runs:    jose 6.1.0, jsonwebtoken 9.0.2 and fast-jwt 6.0.2 (npm, on Node.js version
#          20.20.2), golang-jwt v5.3.0, go-jose v4.1.4 and go-oidc v3.21.0 (Go proxy),
#          python3-jwt 2.6.0, python3-jose 3.3.0 and python3-authlib 1.2.0 (Debian 12's
#          packages), each with its defaults, and those of npm with a greatest age too. The
#          tokens are good for an hour; their iat is three seconds ahead, and an hour.
# Seen:    PyJWT and go-jose alone look at iat. PyJWT has no leeway: the second that the
#          provider's clock is ahead makes every login fail there, and there alone. go-jose
#          has a minute. jose looks only when a maxTokenAge is asked for, with no leeway.
#          jsonwebtoken and fast-jwt with a maxAge take a token of an hour ahead: its age is
#          less than nothing, so it is younger than any limit.
# Guess:   either nobody looks at iat (the standard says only what it may be used for), or
#          everybody does and allows a minute; and a greatest age bounds both ends.
# Matters: a provider that sets iat to now is refused by applications whose clocks are behind
#          by less than anybody watches. Set PyJWT's leeway, or let a provider put iat a few
#          seconds back; do not let a greatest age be the only bound.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --prefix . jose@6.1.0 jsonwebtoken@9.0.2 fast-jwt@6.0.2
quietly apt-get download python3-jwt python3-jose python3-authlib
for package in *.deb; do dpkg -x "$package" debian; done

cat >probe.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import * as jose from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { createVerifier } from 'fast-jwt';

const key = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
const tries = {
  'jose': (t) => jose.jwtVerify(t, key),
  'jose, maxTokenAge 2h': (t) => jose.jwtVerify(t, key, { maxTokenAge: '2h' }),
  'jsonwebtoken': (t) => jsonwebtoken.verify(t, Buffer.from(key)),
  'jsonwebtoken, maxAge 2h': (t) => jsonwebtoken.verify(t, Buffer.from(key), { maxAge: '2h' }),
  'fast-jwt': (t) => createVerifier({ key: Buffer.from(key) })(t),
  'fast-jwt, maxAge 2h': (t) => createVerifier({ key: Buffer.from(key), maxAge: 7200_000 })(t),
};
const now = Math.floor(Date.now() / 1000);
const tokens = {};
for (const ahead of [-10, 3, 3600]) {
  tokens[ahead] = await new jose.SignJWT({ iss: 'https://login.example.com', aud: 'shop', sub: 'u', iat: now + ahead, exp: now + ahead + 3600 })
    .setProtectedHeader({ alg: 'HS256' }).sign(key);
}
writeFileSync('tokens.json', JSON.stringify(tokens));
for (const [name, verify] of Object.entries(tries)) {
  const said = [];
  for (const ahead of [-10, 3, 3600]) {
    try { await verify(tokens[ahead]); said.push('taken'); } catch { said.push('refused'); }
  }
  console.log(`${name}: ${said.join(', ')}`);
}
JS
cat >probe.py <<'PY'
import json, sys
sys.path.insert(0, "debian/usr/lib/python3/dist-packages")
import jwt
from jose import jwt as python_jose
from authlib.jose import jwt as authlib

key = "0123456789abcdef0123456789abcdef"
tokens = json.load(open("tokens.json"))
tries = {
    "PyJWT": lambda t: jwt.decode(t, key, algorithms=["HS256"], audience="shop"),
    "python-jose": lambda t: python_jose.decode(t, key, algorithms=["HS256"], audience="shop"),
    "Authlib": lambda t: authlib.decode(t, key).validate(),
}
for name, verify in tries.items():
    said = []
    for ahead in ("-10", "3", "3600"):
        try:
            verify(tokens[ahead])
            said.append("taken")
        except Exception:
            said.append("refused")
    print(f"{name}: {', '.join(said)}")
PY
cat >main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// keys verifies HS256, which go-oidc leaves to who asks for it.
type keys struct{}

func (keys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	return signed.Verify(key)
}

func main() {
	var tokens map[string]string
	text, _ := os.ReadFile("tokens.json")
	if err := json.Unmarshal(text, &tokens); err != nil {
		panic(err)
	}
	for _, try := range []struct {
		name   string
		verify func(string) error
	}{
		{"golang-jwt", func(t string) error {
			_, err := jwt.Parse(t, func(*jwt.Token) (any, error) { return key, nil })
			return err
		}},
		{"go-jose", func(t string) error {
			parsed, err := josejwt.ParseSigned(t, []jose.SignatureAlgorithm{jose.HS256})
			if err != nil {
				return err
			}
			var claims josejwt.Claims
			if err := parsed.Claims(key, &claims); err != nil {
				return err
			}
			return claims.Validate(josejwt.Expected{Time: time.Now()})
		}},
		{"go-oidc", func(t string) error {
			_, err := oidc.NewVerifier("https://login.example.com", keys{}, &oidc.Config{ClientID: "shop", SupportedSigningAlgs: []string{"HS256"}}).Verify(context.Background(), t)
			return err
		}},
	} {
		var said []string
		for _, ahead := range []string{"-10", "3", "3600"} {
			if err := try.verify(tokens[ahead]); err != nil {
				said = append(said, "refused")
			} else {
				said = append(said, "taken")
			}
		}
		fmt.Printf("%s: %s\n", try.name, strings.Join(said, ", "))
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/golang-jwt/jwt/v5@v5.3.0 github.com/go-jose/go-jose/v4@v4.1.4 github.com/coreos/go-oidc/v3@v3.21.0
quietly go mod tidy
quietly go build -o probe .
{ node probe.mjs; ./probe; /usr/bin/python3 probe.py 2>/dev/null; } >seen

ls *.deb
npm ls --depth 0 | tail -n +2
echo "$(go version), Node.js version: $(node --version)"
echo "issued ten seconds ago, three seconds ahead, an hour ahead:"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
jose: taken, taken, taken
jose, maxTokenAge 2h: taken, refused, refused
jsonwebtoken: taken, taken, taken
jsonwebtoken, maxAge 2h: taken, taken, taken
fast-jwt: taken, taken, taken
fast-jwt, maxAge 2h: taken, taken, taken
golang-jwt: taken, taken, taken
go-jose: taken, taken, refused
go-oidc: taken, taken, taken
PyJWT: taken, refused, refused
python-jose: taken, taken, taken
Authlib: taken, taken, taken
EXPECTED
