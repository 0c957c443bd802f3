// A site with express-openid-connect at ADDRESS. Its page is what the session knows, or
// 401; a login that went wrong is 403 with the library's words.
import express from 'express'
import openid from 'express-openid-connect'

const { ADDRESS: address, ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env
const site = express()
site.use(openid.auth({
  issuerBaseURL: ISSUER, baseURL: `http://${address}`, clientID: CLIENT_ID, clientSecret: CLIENT_SECRET,
  secret: 'an example of 32 characters, at least, and not one word', authRequired: false,
  // Its default is an ID token by form_post, which wxlogin does not give.
  authorizationParams: { response_type: 'code', scope: 'openid profile email' },
}))
site.get('/', async (req, res) => {
  if (!req.oidc.isAuthenticated()) return res.status(401).end()
  res.json({ ...req.oidc.idTokenClaims, userinfo: await req.oidc.fetchUserInfo() })
})
site.use((err, _req, res, _next) => res.status(403).end(err.error ?? err.message))
const [host, port] = address.split(':')
site.listen(Number(port), host)
