#!/usr/bin/env bash
# Four of five SDKs sign the fragment that WeChat cuts off, and the fifth cuts at "null"
#
# Runs:    what makes the signature of wx.config in silenceper/wechat v2.1.10 (Go proxy),
#          wechat-jssdk 5.1.0, node-easywechat 3.6.2 (with node-socialite 1.4.1),
#          co-wechat-api 3.11.0 and wechat-api 1.35.1 (npm), with a ticket that is given, for
#          the address that location.href has in five pages.
# Seen:    WeChat's manual wants the address up to the "#". wechat-jssdk cuts it there; the other four
#          sign it as it is, and every page of a router with hashes is "invalid signature".
#          wechat-jssdk looks for the fragment by indexOf, and where there is none for
#          indexOf(null), which is the text "null": ?coupon=null is signed without the
#          null, and the page /nullarbor as "/". It is named in the answer's url.
# Guess:   a library that takes the page's address knows the one rule that WeChat has for it;
#          and what cuts off a fragment leaves an address alone that has none.
# Matters: wx.config fails on some pages and for some people, in WeChat only: "null" stands
#          in an address because a script put together what it did not have. Give these
#          libraries location.href.split('#')[0]; to the fifth, an address with "null" in
#          it can be given with an empty "#" behind.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix . wechat-jssdk@5.1.0 node-easywechat@3.6.2 node-socialite@1.4.1 co-wechat-api@3.11.0 wechat-api@1.35.1
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount/config"
)

type given string

func (g given) GetAccessToken() (string, error)        { return string(g), nil }
func (g given) GetTicket(token string) (string, error) { return string(g), nil }

func main() {
	account := wechat.NewWechat().GetOfficialAccount(&config.Config{AppID: "wx", AppSecret: "secret", Cache: cache.NewMemory()})
	account.SetAccessTokenHandle(given("token"))
	js := account.GetJs()
	js.SetJsTicketHandle(given("ticket"))
	for _, page := range os.Args[1:] {
		signed, err := js.GetConfig(page)
		if err != nil {
			panic(err)
		}
		fmt.Println(signed.NonceStr, signed.Timestamp, signed.Signature)
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/silenceper/wechat/v2@v2.1.10
quietly go build -o silenceper .
cat >probe.js <<'JS'
const { createHash } = require('crypto');
const { execFileSync } = require('child_process');
const Co = require('co-wechat-api'), Callbacks = require('wechat-api');
const { JSSDK } = require('wechat-jssdk'), { OfficialAccount } = require('node-easywechat');

const kept = { ticket: 'ticket', expireTime: Date.now() + 3600e3 };
const libraries = {
  'silenceper/wechat'(url) {
    const [nonceStr, timestamp, signature] = execFileSync('./silenceper', [url], { encoding: 'utf8' }).trim().split(' ');
    return { nonceStr, timestamp, signature };
  },
  'wechat-jssdk': (url) => JSSDK.generateSignature(url, 'token', 'ticket'),
  'node-easywechat'(url) {
    const account = new OfficialAccount({ app_id: 'wx', secret: 'secret' });
    account.getTicket().getTicket = async () => 'ticket';
    return account.getUtils().buildJsSdkConfig(url, []);
  },
  'co-wechat-api'(url) {
    const api = new Co('wx', 'secret');
    api.registerTicketHandle(async () => kept, async () => {});
    return api.getJsConfig({ url });
  },
  'wechat-api': (url) => new Promise((done, failed) => {
    const api = new Callbacks('wx', 'secret');
    api.registerTicketHandle((type, heard) => heard(null, kept), () => {});
    api.getJsConfig({ url }, (error, config) => (error ? failed(error) : done(config)));
  }),
};
const site = 'https://h5.example.com';

(async () => {
  for (const [name, sign] of Object.entries(libraries)) {
    for (const path of ['/orders?page=2', '/#/orders/7', '/?coupon=null', '/nullarbor', '/?coupon=null#']) {
      const { nonceStr, timestamp, signature } = await sign(site + path);
      // What was signed is some beginning of the address.
      let signed = site + path;
      const of = (url) => createHash('sha1').update(`jsapi_ticket=ticket&noncestr=${nonceStr}&timestamp=${timestamp}&url=${url}`).digest('hex');
      while (signed && of(signed) !== signature) signed = signed.slice(0, -1);
      const said = signed === (site + path).split('#')[0] ? 'as WeChat does' : `"${signed.slice(site.length)}": invalid signature`;
      console.log(`${name.padEnd(18)} ${path.padEnd(15)} ${said}`);
    }
  }
})();
JS
node probe.js >seen

npm ls --depth 0 | tail -n +2
cat seen
diff - seen <<'EXPECTED' && echo "As described."
silenceper/wechat  /orders?page=2  as WeChat does
silenceper/wechat  /#/orders/7     "/#/orders/7": invalid signature
silenceper/wechat  /?coupon=null   as WeChat does
silenceper/wechat  /nullarbor      as WeChat does
silenceper/wechat  /?coupon=null#  "/?coupon=null#": invalid signature
wechat-jssdk       /orders?page=2  as WeChat does
wechat-jssdk       /#/orders/7     as WeChat does
wechat-jssdk       /?coupon=null   "/?coupon=": invalid signature
wechat-jssdk       /nullarbor      "/": invalid signature
wechat-jssdk       /?coupon=null#  as WeChat does
node-easywechat    /orders?page=2  as WeChat does
node-easywechat    /#/orders/7     "/#/orders/7": invalid signature
node-easywechat    /?coupon=null   as WeChat does
node-easywechat    /nullarbor      as WeChat does
node-easywechat    /?coupon=null#  "/?coupon=null#": invalid signature
co-wechat-api      /orders?page=2  as WeChat does
co-wechat-api      /#/orders/7     "/#/orders/7": invalid signature
co-wechat-api      /?coupon=null   as WeChat does
co-wechat-api      /nullarbor      as WeChat does
co-wechat-api      /?coupon=null#  "/?coupon=null#": invalid signature
wechat-api         /orders?page=2  as WeChat does
wechat-api         /#/orders/7     "/#/orders/7": invalid signature
wechat-api         /?coupon=null   as WeChat does
wechat-api         /nullarbor      as WeChat does
wechat-api         /?coupon=null#  "/?coupon=null#": invalid signature
EXPECTED
