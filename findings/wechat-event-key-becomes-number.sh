#!/usr/bin/env bash
# fast-xml-parser turns a scene string of WeChat into another string
#
# Runs:    fast-xml-parser version 5.3.0 and xml2js version 0.6.2 (npm, on Node.js version
#          20.20.2), both with defaults, on WeChat's event for a scanned QR code: EventKey
#          holds the scene that the site put into the code, in CDATA as WeChat sends it.
# Seen:    fast-xml-parser makes a number of what looks like one, CDATA or not: the scene
#          "0012" arrives as 12, "5e10" as 50000000000. "7f3a" stays. xml2js keeps all.
# Guess:   CDATA is text, so it stays text; and a parser that keeps "23456789012345678"
#          (the MsgId, too long for a number: it does) knows what it is doing.
# Matters: a scan login with random hexadecimal scenes works, but for about one code in 120
#          the browser waits for ever: the scene that came back is not the one that was
#          shown. {parseTagValue: false}.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm install --silent --no-audit --no-fund --prefix . fast-xml-parser@5.3.0 xml2js@0.6.2 >log 2>&1 || { cat log; exit 2; }
cat >run.mjs <<'JS'
import { XMLParser } from 'fast-xml-parser';
import xml2js from 'xml2js';

for (const scene of ['7f3a', '0012', '5e10']) {
  const xml = `<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserName><![CDATA[oOPENID]]></FromUserName>`
    + `<CreateTime>1795892064</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[SCAN]]></Event>`
    + `<EventKey><![CDATA[${scene}]]></EventKey><Ticket><![CDATA[TICKET]]></Ticket></xml>`;
  const show = (value) => `${typeof value} ${value}`;
  console.log(`scene ${scene}: fast-xml-parser ${show(new XMLParser().parse(xml).xml.EventKey)}`
    + `, xml2js ${show((await xml2js.parseStringPromise(xml, { explicitArray: false })).xml.EventKey)}`
    + `, with parseTagValue false ${show(new XMLParser({ parseTagValue: false }).parse(xml).xml.EventKey)}`);
}
// How often eight random hexadecimal digits look like a number.
let looks = 0;
const parser = new XMLParser();
for (let i = 0; i < 65536; i++) {
  const scene = ((i * 2654435761) >>> 0).toString(16).padStart(8, '0');
  if (String(parser.parse(`<k><![CDATA[${scene}]]></k>`).k) !== scene) looks++;
}
console.log(`of 65536 scenes of eight hexadecimal digits ${looks} come back changed`);
JS
node run.mjs >seen

npm ls --depth 0 | tail -n +2
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
scene 7f3a: fast-xml-parser string 7f3a, xml2js string 7f3a, with parseTagValue false string 7f3a
scene 0012: fast-xml-parser number 12, xml2js string 0012, with parseTagValue false string 0012
scene 5e10: fast-xml-parser number 50000000000, xml2js string 5e10, with parseTagValue false string 5e10
of 65536 scenes of eight hexadecimal digits 534 come back changed
EXPECTED
