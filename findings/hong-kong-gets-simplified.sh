#!/usr/bin/env bash
# Accept-Language of a phone in Hong Kong: simplified, traditional or English, by library
#
# Runs:    golang.org/x/text/language v0.31.0 (Go proxy), negotiator 1.0.0 (Express's own),
#          accept-language-parser 1.5.0 and @formatjs/intl-localematcher 0.10.1 (npm), choosing
#          among en, zh-CN and zh-TW for headers as Chromium and iOS build them.
# Seen:    for "zh-HK,zh;q=0.9,en;q=0.8" x/text gives zh-CN: the less wanted "zh" is the
#          closer match. With "zh-HK" alone it gives zh-TW. negotiator and
#          accept-language-parser compare text: zh-Hans-CN and zh-Hant-HK are *English*
#          to them. formatjs is right each time.
# Guess:   x/text knows scripts and regions, so it is right; the simple ones at least find
#          some Chinese for zh-….
# Matters: WeChat's pages are Chinese. A reader in Hong Kong gets simplified characters, or
#          a reader in Shanghai English, by the library. With x/text, match one wanted
#          language after the other.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
quietly npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix . negotiator@1.0.0 accept-language-parser@1.5.0 @formatjs/intl-localematcher@0.10.1
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"golang.org/x/text/language"
)

func main() {
	have := []string{"en", "zh-CN", "zh-TW"}
	matcher := language.NewMatcher([]language.Tag{language.English, language.MustParse("zh-CN"), language.MustParse("zh-TW")})
	_, i := language.MatchStrings(matcher, os.Args[1])
	fmt.Print(have[i])
}
GO
quietly go mod init example.com/probe
quietly go get golang.org/x/text@v0.31.0
quietly go build -o match .
cat >run.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import Negotiator from 'negotiator';
import parser from 'accept-language-parser';
import { match } from '@formatjs/intl-localematcher';

const have = ['en', 'zh-CN', 'zh-TW'];
for (const header of ['zh-CN,zh;q=0.9', 'zh-HK', 'zh-HK,zh;q=0.9,en;q=0.8', 'zh-Hant-HK,en;q=0.9', 'zh-Hans-CN,en;q=0.9']) {
  const negotiator = new Negotiator({ headers: { 'accept-language': header } });
  console.log(`${header}: x/text ${execFileSync('./match', [header])}, negotiator ${negotiator.language(have) ?? 'none'}`
    + `, accept-language-parser ${parser.pick(have, header) ?? 'none'}, formatjs ${match(negotiator.languages(), have, 'en')}`);
}
JS
node run.mjs >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
zh-CN,zh;q=0.9: x/text zh-CN, negotiator zh-CN, accept-language-parser zh-CN, formatjs zh-CN
zh-HK: x/text zh-TW, negotiator none, accept-language-parser none, formatjs zh-TW
zh-HK,zh;q=0.9,en;q=0.8: x/text zh-CN, negotiator zh-CN, accept-language-parser zh-CN, formatjs zh-TW
zh-Hant-HK,en;q=0.9: x/text zh-TW, negotiator en, accept-language-parser en, formatjs zh-TW
zh-Hans-CN,en;q=0.9: x/text zh-CN, negotiator en, accept-language-parser en, formatjs zh-CN
EXPECTED
