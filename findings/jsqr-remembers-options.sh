#!/usr/bin/env bash
# jsQR keeps the options of one call for all later ones
#
# Runs:    jsQR 1.4.0 on a QR code, light on dark, made by qrcode 1.5.4 (npm).
# Seen:    jsQR(…) without options reads it: inverted codes are tried by default. After
#          one call with {inversionAttempts: 'dontInvert'}, as a camera loop makes for
#          speed, the *same call without options* no longer reads it, in the whole
#          process. And 'onlyInvert', a documented value, throws a TypeError.
# Guess:   options are an argument; a call without them has the defaults.
# Matters: two parts of one page or test suite that both read codes change each other's
#          results, by order of execution. Pass the option in every call.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm install --silent --no-audit --no-fund --prefix . jsqr@1.4.0 qrcode@1.5.4 pngjs@7.0.0 >log 2>&1 || { cat log; exit 2; }
cat >run.cjs <<'JS'
const jsQR = require('jsqr');
const { PNG } = require('pngjs');
const qrcode = require('qrcode');

qrcode.toBuffer('https://h5.example.com/scan/1', { scale: 6, color: { dark: '#ffffffff', light: '#000000ff' } }).then((file) => {
  const png = PNG.sync.read(file);
  const read = (options) => {
    try {
      return jsQR(new Uint8ClampedArray(png.data), png.width, png.height, options) ? 'read' : 'not read';
    } catch (error) {
      return error.constructor.name;
    }
  };
  for (const options of [undefined, { inversionAttempts: 'dontInvert' }, undefined, { inversionAttempts: 'attemptBoth' }, undefined, { inversionAttempts: 'onlyInvert' }]) {
    console.log(`${options ? options.inversionAttempts : 'no options'}: ${read(options)}`);
  }
});
JS
node run.cjs >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
no options: read
dontInvert: not read
no options: not read
attemptBoth: read
no options: read
onlyInvert: TypeError
EXPECTED
