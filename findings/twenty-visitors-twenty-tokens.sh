#!/usr/bin/env bash
# Twenty visitors at once are twenty access tokens, and a token that is lost stays lost
#
# Runs:    silenceper/wechat v2.1.10 (Go proxy), node-easywechat 3.6.2 (with node-socialite
#          1.4.1), co-wechat-api 3.11.0 and wechat-jssdk 5.1.0 (npm, Node.js version
#          20.20.2), each with its own cache, against a server that answers as
#          api.weixin.qq.com does: twenty questions about a follower (wechat-jssdk: twenty
#          signatures) right after the start; then two more, after another server has made
#          a token of its own and the five minutes are over for which the old one is good.
# Seen:    silenceper/wechat asks for one token. The three of npm ask for twenty, one for each
#          visitor who comes before the first answer. When the token has become 40001,
#          co-wechat-api fetches a new one and asks again; silenceper/wechat and
#          node-easywechat hand on the error, keep the token, and do so again the next time.
# Guess:   a cache of the one thing that all requests need has one request under way; and who
#          is told "invalid credential, access_token is invalid or not latest" forgets it.
# Matters: WeChat gives out 2,000 of these tokens a day, and each makes the one before it
#          end. A deployment, or the end of the two hours in a busy minute, costs as many
#          as there are visitors then. One curl of a colleague with the same AppSecret ends
#          all calls of two of these libraries for the rest of the two hours. cgi-bin/
#          stable_token gives the same token to all who ask.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix . wechat-jssdk@5.1.0 node-easywechat@3.6.2 node-socialite@1.4.1 co-wechat-api@3.11.0
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
)

// here leads what is for WeChat to the server of this probe.
type here string

func (h here) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", string(h)
	return http.DefaultTransport.RoundTrip(r)
}

// It reads a number of questions a line, and says how each went.
func main() {
	util.DefaultHTTPClient = &http.Client{Transport: here(os.Args[1])}
	users := wechat.NewWechat().GetOfficialAccount(&config.Config{AppID: "wx", AppSecret: "secret", Cache: cache.NewMemory()}).GetUser()
	for n := 0; ; {
		if _, err := fmt.Scan(&n); err != nil {
			return
		}
		outcomes := make([]string, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				outcomes[i] = "answered"
				if _, err := users.GetUserInfo("lin"); err != nil {
					outcomes[i] = "40001"
				}
			})
		}
		all.Wait()
		json.NewEncoder(os.Stdout).Encode(outcomes)
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/silenceper/wechat/v2@v2.1.10
quietly go build -o silenceper .
cat >probe.js <<'JS'
const http = require('http'), { once } = require('events'), { spawn } = require('child_process'), readline = require('readline');
const Co = require('co-wechat-api'), { OfficialAccount } = require('node-easywechat'), { Wechat } = require('wechat-jssdk');

let tokens = 0, good = new Set();
const wechat = http.createServer((req, res) => {
  const url = new URL(req.url, 'http://wechat');
  const say = (what) => { res.setHeader('Content-Type', 'application/json'); res.end(JSON.stringify(what)); };
  if (url.pathname === '/cgi-bin/token') {
    const token = `token-${++tokens}`;
    good.add(token);
    setTimeout(say, 200, { access_token: token, expires_in: 7200 }); // the way to WeChat and back
  } else if (!good.has(url.searchParams.get('access_token'))) {
    say({ errcode: 40001, errmsg: 'invalid credential, access_token is invalid or not latest' });
  } else {
    say({ errcode: 0, errmsg: 'ok', subscribe: 1, openid: 'lin', ticket: 'ticket', expires_in: 7200 });
  }
});

// Each asks n questions at once, and says how each went.
const together = (ask) => (n) => Promise.all(Array.from({ length: n }, () => ask().then(() => 'answered', (error) => (/40001|credential/.test(error.message) ? '40001' : error.message))));
const libraries = {
  'silenceper/wechat'(host) {
    const program = spawn('./silenceper', [host], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: program.stdout });
    return async (n) => { program.stdin.write(`${n}\n`); return JSON.parse((await once(lines, 'line'))[0]); };
  },
  'node-easywechat'(host) {
    const client = new OfficialAccount({ app_id: 'wx', secret: 'secret', http: { baseURL: `http://${host}` } }).getClient();
    return together(async () => {
      const user = (await client.get('/cgi-bin/user/info', { params: { openid: 'lin' } })).toObject();
      if (user.errcode) throw new Error(user.errcode);
    });
  },
  'co-wechat-api'(host) {
    const api = new Co('wx', 'secret');
    api.prefix = `http://${host}/cgi-bin/`;
    return together(() => api.getUser('lin'));
  },
  'wechat-jssdk'(host) {
    const sdk = new Wechat({ appId: 'wx', appSecret: 'secret', wechatRedirectUrl: 'http://h5.example.com/', accessTokenUrl: `http://${host}/cgi-bin/token`, ticketUrl: `http://${host}/cgi-bin/ticket/getticket` });
    let page = 0;
    return together(() => sdk.jssdk.getSignature(`http://h5.example.com/${page++}`));
  },
};

wechat.listen(0, '127.0.0.1', async () => {
  const host = `127.0.0.1:${wechat.address().port}`;
  for (const [name, start] of Object.entries(libraries)) {
    [tokens, good] = [0, new Set()];
    const ask = start(host);
    const answered = (await ask(20)).filter((outcome) => outcome === 'answered').length;
    console.log(`${name.padEnd(17)} twenty at once: ${answered} answered with ${tokens} token${tokens > 1 ? 's' : ''}`);
    if (name === 'wechat-jssdk') continue; // with the ticket it asks WeChat nothing more
    good = new Set(['of another server']);
    console.log(`${name.padEnd(17)} once it is not the latest: ${await ask(1)}, then ${await ask(1)}`);
  }
  process.exit();
});
JS
mkdir temporary # node-easywechat keeps its tokens there
TMPDIR=$work/temporary node probe.js >seen 2>errors || { cat errors; exit 2; }

npm ls --depth 0 | tail -n +2
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
silenceper/wechat twenty at once: 20 answered with 1 token
silenceper/wechat once it is not the latest: 40001, then 40001
node-easywechat   twenty at once: 20 answered with 20 tokens
node-easywechat   once it is not the latest: 40001, then 40001
co-wechat-api     twenty at once: 20 answered with 20 tokens
co-wechat-api     once it is not the latest: answered, then answered
wechat-jssdk      twenty at once: 20 answered with 20 tokens
EXPECTED
