#!/usr/bin/env bash
# QR codes on a dark page: one module of white decides, and "transparent" is two things
#
# Runs:    jsQR version 1.4.0, @zxing/library version 0.21.3 (QRCodeReader, default hints) and
#          ZBar (@undecaf/zbar-wasm version 0.11.0) on pictures made by qrcode version 1.5.4
#          (npm, on Node.js version 20.20.2), all of one address, at 6 pixels a module.
# Seen:    on black without a margin nobody reads it; one module of white is enough for
#          all three, where the standard asks for four. Light on dark is read by jsQR
#          alone. A background of '#ffffff00' (transparent) is read by all, one of '#0000'
#          (transparent as well, and the same to the eye) by nobody who takes the file's
#          pixels as they are: below the transparency it is black on black.
# Guess:   readers invert by now; two ways to write "transparent" are the same picture.
# Matters: dark mode. A code that inherits the page's colours, or is transparent so that it
#          fits, opens with the developer's reader and not with another. Give it a white
#          plate of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm install --silent --no-audit --no-fund --prefix . jsqr@1.4.0 qrcode@1.5.4 pngjs@7.0.0 @zxing/library@0.21.3 @undecaf/zbar-wasm@0.11.0 >log 2>&1 || { cat log; exit 2; }
cat >run.mjs <<'JS'
import qrcode from 'qrcode';
import { PNG } from 'pngjs';
import jsqr from 'jsqr';
import zxing from '@zxing/library';
import { scanImageData } from '@undecaf/zbar-wasm';

const make = async (options) => PNG.sync.read(await qrcode.toBuffer('https://h5.example.com/scan/0123456789abcdefghijkl', { scale: 6, ...options }));
const onBlack = (code) => {
  const edge = 60;
  const page = new PNG({ width: code.width + 2 * edge, height: code.height + 2 * edge });
  for (let i = 3; i < page.data.length; i += 4) page.data[i] = 255;
  PNG.bitblt(code, page, 0, 0, code.width, code.height, edge, edge);
  return page;
};
const pictures = {
  'white plate, 4 modules, on black': onBlack(await make({ margin: 4 })),
  'white plate, 1 module, on black': onBlack(await make({ margin: 1 })),
  'no margin, on black': onBlack(await make({ margin: 0 })),
  'light on dark': await make({ color: { dark: '#ffffffff', light: '#000000ff' } }),
  "transparent '#ffffff00'": await make({ color: { dark: '#000000ff', light: '#ffffff00' } }),
  "transparent '#0000'": await make({ color: { dark: '#000000ff', light: '#0000' } }),
};
const readers = {
  jsQR: ({ data, width, height }) => (jsqr.default ?? jsqr)(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'attemptBoth' }),
  ZXing: ({ data, width, height }) => {
    const grey = new Uint8ClampedArray(width * height);
    for (let i = 0; i < grey.length; i++) grey[i] = (data[4 * i] * 306 + data[4 * i + 1] * 601 + data[4 * i + 2] * 117) >> 10;
    try {
      const source = new zxing.RGBLuminanceSource(grey, width, height);
      return new zxing.QRCodeReader().decode(new zxing.BinaryBitmap(new zxing.HybridBinarizer(source)));
    } catch {
      return null;
    }
  },
  ZBar: async ({ data, width, height }) => (await scanImageData({ data: new Uint8ClampedArray(data), width, height })).length > 0,
};
for (const [what, picture] of Object.entries(pictures)) {
  const said = [];
  for (const [name, read] of Object.entries(readers)) said.push(`${name} ${(await read(picture)) ? 'yes' : 'no'}`);
  console.log(`${what}: ${said.join(', ')}`);
}
JS
node run.mjs >seen

npm ls --depth 0 | tail -n +2
echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
white plate, 4 modules, on black: jsQR yes, ZXing yes, ZBar yes
white plate, 1 module, on black: jsQR yes, ZXing yes, ZBar yes
no margin, on black: jsQR no, ZXing no, ZBar no
light on dark: jsQR yes, ZXing no, ZBar no
transparent '#ffffff00': jsQR yes, ZXing yes, ZBar yes
transparent '#0000': jsQR no, ZXing no, ZBar no
EXPECTED
