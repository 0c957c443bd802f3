#!/usr/bin/env bash
# Where SDKs send people who sign in with WeChat: the state is too long, empty or fixed
#
# Runs:    the authorize address that four npm packages and one Go module make for an official
#          account (goth: a website), each with no more options than it needs:
#          wechat-oauth 1.5.0, wechat-jssdk 5.1.0, node-easywechat 3.6.2 (with
#          node-socialite 1.4.1), @auth/core 0.41.3, markbates/goth v1.82.0.
# Seen:    WeChat documents appid, redirect_uri, response_type, scope, state in this order,
#          "#wechat_redirect", and a state of at most 128 letters and digits. wechat-oauth
#          sends an empty state, wechat-jssdk the fixed word "userAuth" for everybody,
#          node-easywechat none, and scope before response_type. @auth/core puts scope first
#          as well and sends a state of more than 400 characters with dots; it and goth
#          leave out #wechat_redirect.
# Guess:   SDKs made for this one address follow its one page of documentation.
# Matters: the state is what ties a callback to the browser that began; whoever takes an SDK
#          for it makes it and checks it outside. A strict simulator refuses most of them, so
#          it must say which parameter is wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix . wechat-oauth@1.5.0 wechat-jssdk@5.1.0 node-easywechat@3.6.2 node-socialite@1.4.1 @auth/core@0.41.3
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/markbates/goth/providers/wechat"
)

func main() {
	session, err := wechat.New("wx0123456789abcdef", "secret", "https://h5.example.com/callback", wechat.WECHAT_LANG_CN).BeginAuth("Zq3vX0aB7LmN2pQ9")
	if err != nil {
		panic(err)
	}
	address, err := session.GetAuthURL()
	if err != nil {
		panic(err)
	}
	fmt.Print(address)
}
GO
quietly go mod init example.com/probe
quietly go get github.com/markbates/goth@v1.82.0 github.com/markbates/goth/providers/wechat@v1.82.0
quietly go build -o goth .
cat >run.mjs <<'JS'
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { Auth } from '@auth/core';
import Provider from '@auth/core/providers/wechat';

const require = createRequire(import.meta.url);
const callback = 'https://h5.example.com/callback';
const show = (name, address) => {
  const url = new URL(address);
  const state = url.searchParams.get('state');
  const described = state === null ? 'no state' : state === '' ? 'an empty state' : state.length > 128 ? 'a state of over 128 characters' : `state ${state}`;
  console.log(`${name}: ${[...url.searchParams.keys()].join(' ')}; ${described}; ${url.hash || 'no #wechat_redirect'}`);
};

const OAuth = require('wechat-oauth');
show('wechat-oauth', new OAuth('wx0123456789abcdef', 'secret').getAuthorizeURL(callback));
const { Wechat } = require('wechat-jssdk');
show('wechat-jssdk', new Wechat({ wechatRedirectUrl: callback, appId: 'wx0123456789abcdef', appSecret: 'secret', wechatToken: 'token' }).oauth.snsUserInfoUrl);
const { OfficialAccount } = require('node-easywechat');
show('node-easywechat', new OfficialAccount({ app_id: 'wx0123456789abcdef', secret: 'secret' }).getOAuth().redirect(callback));

const config = { secret: 'a secret of this run, of 32 bytes', trustHost: true, providers: [Provider({ clientId: 'wx0123456789abcdef', clientSecret: 'secret', platformType: 'OfficialAccount' })] };
const form = await Auth(new Request('https://h5.example.com/auth/csrf'), config);
const cookie = form.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
const answer = await Auth(new Request('https://h5.example.com/auth/signin/wechat', {
  method: 'POST', headers: { cookie }, body: new URLSearchParams({ csrfToken: (await form.json()).csrfToken }),
}), config);
show('@auth/core', answer.headers.get('location'));
show('goth', String(execFileSync('./goth')));
process.exit(0);
JS
node run.mjs >seen 2>warnings || { cat warnings; exit 2; }

cat seen
diff - seen <<'EXPECTED' && echo "As described."
wechat-oauth: appid redirect_uri response_type scope state; an empty state; #wechat_redirect
wechat-jssdk: appid redirect_uri response_type scope state; state userAuth; #wechat_redirect
node-easywechat: appid redirect_uri scope response_type connect_redirect; no state; #wechat_redirect
@auth/core: appid scope response_type client_id redirect_uri state; a state of over 128 characters; no #wechat_redirect
goth: appid redirect_uri response_type scope state; state Zq3vX0aB7LmN2pQ9; no #wechat_redirect
EXPECTED
