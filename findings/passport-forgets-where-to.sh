#!/usr/bin/env bash
# Passport's option that leads people back to their page leads them to the start page
#
# Runs:    passport 0.5.3, 0.6.0 and 0.7.0 with express 5.1.0, express-session 1.18.2,
#          connect-ensure-login 0.1.1 and passport-custom 1.1.1 for the login itself (npm,
#          Node.js version 20.20.2): somebody without a session opens /orders/7.
# Seen:    ensureLoggedIn stores the page in the session and leads to /login, and
#          authenticate(…, { successReturnToOrRedirect: '/' }) leads back to it in 0.5.3, and
#          to "/" since 0.6.0, every time: a login makes a new session first, which is
#          right, and only then the option looks for the page, in the new and empty one.
#          No error, no warning. With keepSessionInfo: true, which takes everything along,
#          it leads to the page again.
# Guess:   an option of the library survives what the library itself does, or goes.
# Matters: a link that somebody shared in a chat ends on the start page for everybody
#          who has to sign in first, and never for who tests it signed in. What has to
#          outlive a login belongs into something that the login does not throw away: a
#          cookie of its own, or the state that comes back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >try.mjs <<'JS'
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { Strategy } from 'passport-custom';
import { ensureLoggedIn } from 'connect-ensure-login';

passport.use('wechat', new Strategy((req, done) => done(null, { id: 'lin' })));
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, { id }));

async function visit(options) {
  const app = express();
  app.use(session({ secret: 'kept', resave: false, saveUninitialized: false }));
  app.use(passport.initialize(), passport.session());
  app.get('/orders/7', ensureLoggedIn('/login'), (req, res) => res.send(`order of ${req.user.id}`));
  app.get('/login', passport.authenticate('wechat', { successReturnToOrRedirect: '/', ...options }));
  app.get('/', (req, res) => res.send(`start page of ${req.user?.id}`));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((ready) => server.on('listening', ready));
  let at = '/orders/7', cookie = '';
  const trail = [at];
  while (trail.length < 9) {
    const res = await fetch(`http://127.0.0.1:${server.address().port}${at}`, { redirect: 'manual', headers: { cookie } });
    cookie = res.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    at = res.headers.get('location');
    trail.push(at ?? await res.text());
    if (!at) break;
  }
  server.close();
  return trail.join(' -> ');
}
console.log(`passport ${process.argv[2]}: ${await visit({})}`);
console.log(`passport ${process.argv[2]}, keepSessionInfo: ${await visit({ keepSessionInfo: true })}`);
JS
for version in 0.5.3 0.6.0 0.7.0; do
	quietly npm install --no-audit --no-fund --prefix . passport@$version express@5.1.0 express-session@1.18.2 connect-ensure-login@0.1.1 passport-custom@1.1.1
	NODE_ENV=production node try.mjs $version 2>/dev/null >>seen
done

echo "Node.js version: $(node --version)"
cat seen
diff - seen <<'EXPECTED' && echo "As described."
passport 0.5.3: /orders/7 -> /login -> /orders/7 -> order of lin
passport 0.5.3, keepSessionInfo: /orders/7 -> /login -> /orders/7 -> order of lin
passport 0.6.0: /orders/7 -> /login -> / -> start page of lin
passport 0.6.0, keepSessionInfo: /orders/7 -> /login -> /orders/7 -> order of lin
passport 0.7.0: /orders/7 -> /login -> / -> start page of lin
passport 0.7.0, keepSessionInfo: /orders/7 -> /login -> /orders/7 -> order of lin
EXPECTED
