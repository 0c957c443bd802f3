#!/usr/bin/env bash
# Builds Traefik from the Go proxy into the folder that is given: half an hour, the first
# time. The proxy does not serve all that Traefik is linked with, so this one is
# without the DNS services for certificates (lego's providers/dns) and with an older
# commit of its fork of go-http-auth (basic and digest authentication). Nothing of
# forward auth is in either.
set -euo pipefail
version=3.7.13
programs=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$programs/traefik" ] && exit
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

# copied NAME@VERSION FOLDER: a module to change.
copied() {
	go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)",/\1/p' >dir
	cp -r "$(cat dir)" "$2"
	chmod -R u+w "$2"
}
copied "github.com/traefik/traefik/v3@v$version" traefik
lego=$(awk '$1 == "github.com/go-acme/lego/v5" { print $1 "@" $2 }' traefik/go.mod)
copied "$lego" lego
rm lego/providers/dns/zz_gen_*
cat >lego/providers/dns/none.go <<'GO'
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("unrecognized DNS provider: %s", name)
}
GO
# Modules inside a module are not in its archive, and neither are the pages.
mkdir -p traefik/pkg/config/dynamic/ext traefik/webui/static
printf 'module github.com/traefik/traefik/dynamic/ext\n' >traefik/pkg/config/dynamic/ext/go.mod
printf 'package ext\n\ntype HTTP struct{}\n\ntype Router struct{}\n' >traefik/pkg/config/dynamic/ext/ext.go
echo >traefik/webui/static/index.html
for part in common dns; do
	mkdir "$part"
	printf 'module github.com/nrdcg/oci-go-sdk/%s/v1065\n' "$part" >"$part/go.mod"
done
cd traefik
go mod edit -replace github.com/go-acme/lego/v5=../lego \
	-replace github.com/nrdcg/oci-go-sdk/common/v1065=../common -replace github.com/nrdcg/oci-go-sdk/dns/v1065=../dns \
	-replace github.com/abbot/go-http-auth=github.com/containous/go-http-auth@v0.4.1-0.20200324110947-a37a7636d23e
GOFLAGS=-mod=mod nice go build -trimpath -ldflags "-X github.com/traefik/traefik/v3/pkg/version.Version=$version" -o "$programs/traefik.new" ./cmd/traefik
mv "$programs/traefik.new" "$programs/traefik"
