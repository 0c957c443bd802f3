#!/usr/bin/env bash
# Go's User-Agent libraries call WeChat "NetType", "Android" or "Safari"
#
# Runs:    User-Agent headers of WeChat in the shapes of public captures (device and build
#          replaced) through mileusna/useragent v1.3.5 and mssola/useragent v1.0.0 (Go
#          proxy), ua-parser-js 2.0.6 and bowser 2.12.1 (npm).
# Seen:    the npm libraries say WeChat with its version for all four. mileusna says
#          "MicroMessenger" on iOS, "Chrome" on Android, and on Windows and macOS a browser
#          named "NetType", version "WIFI". mssola says Android 4.0, Safari and Chrome.
# Guess:   a client with more than a thousand million users is known, or taken for Chrome.
# Matters: a list of "your devices" that shows "NetType WIFI on Windows" is not recognised by
#          its owner, who ends the wrong session; statistics have no WeChat in them. Look
#          for MicroMessenger/ first, and ask the library for the system only.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >agents <<'AGENTS'
Android: Mozilla/5.0 (Linux; Android 14; DEVICE Build/BUILD; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300289 MMWEBSDK/20250201 MMWEBID/1234 MicroMessenger/8.0.57.2800(0x28003933) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64
iOS: Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.57(0x1800392a) NetType/WIFI Language/zh_CN
Windows: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c33) XWEB/13603 Flue
macOS: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/6.8.0(0x16080000) MacWechat/3.8.10(0x13080a11) XWEB/1227 Flue
AGENTS
cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	mileusna "github.com/mileusna/useragent"
	mssola "github.com/mssola/useragent"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		where, agent, _ := strings.Cut(lines.Text(), ": ")
		first := mileusna.Parse(agent)
		name, version := mssola.New(agent).Browser()
		fmt.Printf("%s: mileusna %s %s, mssola %s %s\n", where, first.Name, first.Version, name, version)
	}
}
GO
quietly go mod init example.com/probe
quietly go get github.com/mileusna/useragent@v1.3.5 github.com/mssola/useragent@v1.0.0
go run . <agents >seen
quietly npm install --silent --no-audit --no-fund --prefix . ua-parser-js@2.0.6 bowser@2.12.1
cat >run.mjs <<'JS'
import fs from 'node:fs';
import { UAParser } from 'ua-parser-js';
import Bowser from 'bowser';

for (const line of fs.readFileSync('agents', 'utf8').trim().split('\n')) {
  const [where, agent] = line.split(/: (.*)/);
  const [first, second] = [UAParser(agent).browser, Bowser.parse(agent).browser];
  console.log(`${where}: ua-parser-js ${first.name} ${first.version}, bowser ${second.name} ${second.version}`);
}
JS
node run.mjs >>seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
Android: mileusna Chrome 130.0.6723.103, mssola Android 4.0
iOS: mileusna MicroMessenger 8.0.57, mssola Safari 15E148
Windows: mileusna NetType WIFI, mssola Chrome 132.0.0.0
macOS: mileusna NetType WIFI, mssola Chrome 132.0.0.0
Android: ua-parser-js WeChat 8.0.57.2800, bowser WeChat 8.0.57.2800
iOS: ua-parser-js WeChat 8.0.57, bowser WeChat 8.0.57
Windows: ua-parser-js WeChat 7.0.20.1781, bowser WeChat 7.0.20.1781
macOS: ua-parser-js WeChat 6.8.0, bowser WeChat 6.8.0
EXPECTED
