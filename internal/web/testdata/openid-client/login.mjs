// A login with openid-client. It prints the address that a browser is to open, reads
// the one that the browser is sent back to, and prints what the ID token and userinfo
// say, or the error. ISSUER, ID, SECRET (none: a public client) and REDIRECT are variables.
import { createInterface } from 'node:readline/promises'
import * as client from 'openid-client'

const { ISSUER: issuer, ID: id, SECRET: secret, REDIRECT: redirect } = process.env
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
try {
  const config = await client.discovery(
    new URL(issuer), id, secret || undefined, secret ? client.ClientSecretBasic(secret) : client.None(),
    { execute: [client.allowInsecureRequests] }, // the service of the test has no certificate
  )
  client.enableNonRepudiationChecks(config) // the ID token's signature too
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  say({
    authorize: client.buildAuthorizationUrl(config, {
      redirect_uri: redirect, scope: 'openid profile offline_access', state, nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    }),
  })
  for await (const line of createInterface({ input: process.stdin })) {
    const tokens = await client.authorizationCodeGrant(config, new URL(line), {
      pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
    })
    const claims = tokens.claims()
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    const again = await client.refreshTokenGrant(config, tokens.refresh_token)
    await client.fetchUserInfo(config, again.access_token, claims.sub)
    await client.tokenRevocation(config, again.refresh_token ?? tokens.refresh_token)
    let after
    try {
      await client.fetchUserInfo(config, again.access_token, claims.sub)
    } catch (error) {
      after = error.status ?? String(error)
    }
    say({ claims, userinfo, after, logout: client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }) })
    break
  }
} catch (error) {
  say({ error: error.error ?? String(error.cause?.message ?? error.message ?? error) })
}
process.exit() // fetch keeps its sockets
