// A site with better-auth at ADDRESS, by its generic OAuth plugin. Its page is what the
// session knows, or what went wrong in the last login. Accounts are in memory.
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { genericOAuth } from 'better-auth/plugins'

const { ADDRESS: address, ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env
const accounts = { user: [], session: [], account: [], verification: [] }
const auth = betterAuth({
  baseURL: `http://${address}`, secret: 'an example of 32 characters, at least, and not one word',
  database: memoryAdapter(accounts), telemetry: { enabled: false },
  plugins: [genericOAuth({ config: [{
    providerId: 'wechat', clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, scopes: ['openid', 'profile', 'email'],
    discoveryUrl: `${ISSUER}/.well-known/openid-configuration`, requireIdTokenVerification: true,
  }] })],
})
const answer = toNodeHandler(auth)

const [host, port] = address.split(':')
createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, auth.options.baseURL)
  if (pathname.startsWith('/api/auth/')) return answer(req, res)
  const headers = fromNodeHeaders(req.headers)
  if (pathname === '/login') { // the button of a page, which needs a script
    const begun = await auth.api.signInSocial({ body: { provider: 'wechat', callbackURL: '/', errorCallbackURL: '/failed' }, headers, asResponse: true })
    const { url } = await begun.json()
    res.writeHead(302, { location: url, 'set-cookie': begun.headers.getSetCookie() }).end()
  } else if (pathname === '/failed') {
    res.writeHead(403).end(searchParams.get('error'))
  } else {
    const session = await auth.api.getSession({ headers })
    res.writeHead(session ? 200 : 401).end(JSON.stringify({ session, accounts: accounts.account.map((a) => a.accountId), users: accounts.user.length }))
  }
}).listen(Number(port), host)
