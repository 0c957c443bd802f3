// A site with @auth/core at ADDRESS. The provider is what stands in provider.mjs
// beside it. Its page is what the session knows, or what went wrong in the last login.
import { Auth } from '@auth/core'
import { createServer } from 'node:http'
import provider from './provider.mjs'

const address = process.env.ADDRESS
const origin = `http://${address}`
let wrong = ''
const config = {
  providers: [provider],
  secret: 'an example of 32 characters, at least', trustHost: true, basePath: '/auth',
  logger: { error: (error) => { wrong = String(error.cause?.err?.message ?? error.message ?? error) }, warn() {}, debug() {} },
  callbacks: {
    jwt: ({ token, profile }) => ({ ...token, ...(profile && { profile }) }),
    session: ({ session, token }) => ({ ...session, profile: token.profile }),
  },
}
const ask = (path, cookie, body) => Auth(new Request(origin + path, {
  method: body ? 'POST' : 'GET', body, headers: { cookie },
}), config)

const [host, port] = address.split(':')
createServer(async (req, res) => {
  let cookie = req.headers.cookie ?? ''
  const send = async (answer, earlier = []) => {
    const headers = Object.fromEntries(answer.headers)
    headers['set-cookie'] = [...earlier, ...answer.headers.getSetCookie()]
    res.writeHead(answer.status, headers).end(await answer.text())
  }
  if (req.url === '/login') { // the button of a page, which needs a script
    const answer = await ask('/auth/csrf', cookie)
    const cookies = answer.headers.getSetCookie()
    const { csrfToken } = await answer.json()
    cookie = [cookie, ...cookies.map((c) => c.split(';')[0])].filter(Boolean).join('; ')
    await send(await ask('/auth/signin/wechat', cookie, new URLSearchParams({ csrfToken, callbackUrl: origin + '/' })), cookies)
  } else if (req.url.startsWith('/auth/callback/')) {
    await send(await ask(req.url, cookie))
  } else {
    const session = await (await ask('/auth/session', cookie)).json()
    res.writeHead(session ? 200 : 401).end(JSON.stringify({ session, wrong }))
  }
}).listen(Number(port), host)
