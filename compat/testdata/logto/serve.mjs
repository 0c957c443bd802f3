// A site with Logto's connector for OpenID Connect at ADDRESS, set as its form wants it.
// Its page is what the connector says of who came last, or 401; a login that went wrong
// is 403 with the connector's words.
import { createServer } from 'node:http'
import createConnector from '@logto/connector-oidc'

const { ADDRESS: address, ISSUER, CLIENT_ID, CLIENT_SECRET, TRUST_EMAIL } = process.env
const found = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()
const config = {
  authorizationEndpoint: found.authorization_endpoint, tokenEndpoint: found.token_endpoint,
  clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, scope: 'profile email',
  tokenEndpointAuthMethod: 'client_secret_post', trustUnverifiedEmail: TRUST_EMAIL === 'true',
  idTokenVerificationConfig: { jwksUri: found.jwks_uri, issuer: found.issuer },
}
const connector = await createConnector({ getConfig: async () => config })
let kept, known // one browser comes after the other
const [host, port] = address.split(':')
createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, `http://${address}`)
  try {
    if (pathname === '/login') {
      known = undefined
      const location = await connector.getAuthorizationUri({ state: 'a state', redirectUri: `http://${address}/callback` }, async (session) => { kept = session })
      res.writeHead(302, { location }).end()
    } else if (pathname === '/callback') {
      known = await connector.getUserInfo(Object.fromEntries(searchParams), async () => kept)
      res.writeHead(302, { location: '/' }).end()
    } else {
      res.writeHead(known ? 200 : 401).end(known && JSON.stringify({ sub: known.id, ...known }))
    }
  } catch (err) {
    res.writeHead(403).end(JSON.stringify(err.data ?? err.message))
  }
}).listen(Number(port), host)
