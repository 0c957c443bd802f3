#!/usr/bin/env bash
# On a phone in the dark weui.css writes white on white
#
# Runs:    weui version 2.6.26 (npm) in Chromium version 156.0.8078.108 (Debian 12's package
#          chromium): a page with its stylesheet and nothing else, in light and in dark, which the browser is told to
#          prefer; the contrast of what stands in eight of its components with what is
#          behind them. The same with <meta name="color-scheme" content="light dark">.
# Seen:    in the dark, articles, footers and "loading" have a contrast of 1.0: white text,
#          and the white of the browser behind it. The stylesheet follows
#          prefers-color-scheme by itself and changes all colours of text, but gives a
#          background to what has one of its own only (messages, forms, cells): the page has
#          none. The meta tag makes the browser's own background dark.
# Guess:   a stylesheet that turns dark without being asked brings the dark page along, or
#          says that the page has to; and who asks for nothing keeps the light one.
# Matters: the terms of a login page, the line under it and the moment of waiting are
#          invisible to everybody whose phone is dark, and to nobody who tests it by day.
#          Set a background on body (var(--weui-BG-0)), or data-weui-theme="light" on it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

command -v chromium >/dev/null || { echo "chromium is missing"; exit 2; }
npm install --silent --no-audit --no-fund --prefix . weui@2.6.26 >log 2>&1 || { cat log; exit 2; }
cp node_modules/weui/dist/style/weui.css .
cat >plain.html <<'HTML'
<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="weui.css">
<body>
<div class="weui-msg"><div class="weui-msg__text-area"><h2 class="weui-msg__title">登录成功</h2></div></div>
<div class="weui-form"><div class="weui-form__text-area"><h2 class="weui-form__title">登录</h2></div></div>
<div class="weui-cells"><div class="weui-cell"><div class="weui-cell__bd">微信昵称</div></div></div>
<div class="weui-panel"><div class="weui-panel__hd">设备</div></div>
<article class="weui-article"><h1>服务条款</h1><p>正文</p></article>
<div class="weui-footer"><p class="weui-footer__text">Copyright</p></div>
<div class="weui-loadmore"><span class="weui-loadmore__tips">正在加载</span></div>
<pre></pre>
<script>
addEventListener('load', () => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = (top, under) => under.map((u, i) => top[i] * (top[3] ?? 1) + u * (1 - (top[3] ?? 1)));
  const luminance = (colour) => colour.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  // The browser's own background is white, or what the colour scheme calls Canvas.
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.backgroundColor = 'Canvas';
  const canvas = numbers(getComputedStyle(probe).backgroundColor).slice(0, 3);
  const behind = (element) => (element ? over(numbers(getComputedStyle(element).backgroundColor), behind(element.parentElement)) : canvas);
  document.querySelector('pre').textContent = ['msg__title', 'form__title', 'cell__bd', 'panel__hd', 'article h1', 'article p', 'footer__text', 'loadmore__tips'].map((name) => {
    const element = document.querySelector(`.weui-${name}`), under = behind(element);
    const [more, less] = [luminance(under), luminance(over(numbers(getComputedStyle(element).color), under))].sort((a, b) => b - a);
    return `.weui-${name.padEnd(14)} ${((more + 0.05) / (less + 0.05)).toFixed(1)}`;
  }).join('\n') + '\n';
});
</script>
HTML
sed 's|<meta charset="utf-8">|&<meta name="color-scheme" content="light dark">|' plain.html >scheme.html
for way in "light 1 plain" "dark 0 plain" "dark 0 scheme"; do
	read -r name number page <<<"$way"
	chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --blink-settings=preferredColorScheme=$number \
		--virtual-time-budget=3000 --dump-dom "file://$work/$page.html" 2>errors | grep -o '\.weui-[a-z_]* [ hp1]* *[0-9.]*$' | sed "s/^/$name, $page: /" >>seen || { cat errors; exit 2; }
done

chromium --version
cat seen
diff - seen <<'EXPECTED' && echo "As described."
light, plain: .weui-msg__title     17.5
light, plain: .weui-form__title    17.5
light, plain: .weui-cell__bd       17.5
light, plain: .weui-panel__hd      17.5
light, plain: .weui-article h1     17.5
light, plain: .weui-article p      17.5
light, plain: .weui-footer__text   1.6
light, plain: .weui-loadmore__tips 4.8
dark, plain: .weui-msg__title     11.5
dark, plain: .weui-form__title    11.5
dark, plain: .weui-cell__bd       11.5
dark, plain: .weui-panel__hd      11.5
dark, plain: .weui-article h1     1.0
dark, plain: .weui-article p      1.0
dark, plain: .weui-footer__text   1.0
dark, plain: .weui-loadmore__tips 1.0
dark, scheme: .weui-msg__title     11.5
dark, scheme: .weui-form__title    11.5
dark, scheme: .weui-cell__bd       11.5
dark, scheme: .weui-panel__hd      11.5
dark, scheme: .weui-article h1     12.1
dark, scheme: .weui-article p      12.1
dark, scheme: .weui-footer__text   1.8
dark, scheme: .weui-loadmore__tips 5.3
EXPECTED
