// What one library gets with the accounts' own credentials: central.mjs NAME. It prints
// token, ticket and signature of PAGE, whether OPENID follows, and who a CODE of wx.login
// is of. APPID, SECRET, MINI_APPID, MINI_SECRET and PLAIN are variables.
const { APPID: appid, SECRET: secret, MINI_APPID, MINI_SECRET, PLAIN: plain, PAGE: page, OPENID: openid, CODE: code } = process.env

const libraries = {
  'node-easywechat': () => easywechat(false),
  'node-easywechat stable': () => easywechat(true),

  async 'wechat-jssdk'() {
    const { JSSDK, MiniProgram, Store } = (await import('wechat-jssdk')).default
    const store = new Store()
    const options = {
      appId: appid, appSecret: secret, wechatToken: 'unused', wechatRedirectUrl: 'https://app.example.com/callback', store,
      apiUrl: plain, accessTokenUrl: plain + '/cgi-bin/token', ticketUrl: plain + '/cgi-bin/ticket/getticket',
      miniProgram: { appId: MINI_APPID, appSecret: MINI_SECRET, GET_SESSION_KEY_URL: plain + '/sns/jscode2session' },
    }
    const signed = await new JSSDK(options).getSignature(page)
    const session = await new MiniProgram(options).getSession(code)
    const { accessToken, jsapi_ticket } = await store.getGlobalToken()
    return { ...signed, token: accessToken, ticket: jsapi_ticket, ...ofSession(session) }
  },
}

async function easywechat(use_stable_access_token) {
  const { OfficialAccount, MiniApp } = (await import('node-easywechat')).default
  const app = new OfficialAccount({ app_id: appid, secret, use_stable_access_token })
  const signed = await app.getUtils().buildJsSdkConfig(page)
  const follower = (await app.getClient().get('/cgi-bin/user/info', { params: { openid } })).toObject()
  const session = await new MiniApp({ app_id: MINI_APPID, secret: MINI_SECRET }).getUtils().codeToSession(code)
  return {
    ...signed, token: await app.getAccessToken().getToken(), ticket: await app.getTicket().getTicket(),
    follows: follower.subscribe === 1, scene: follower.subscribe_scene, ...ofSession(session),
  }
}

const ofSession = ({ openid, unionid, session_key }) => ({ mini: openid, unionid, session: Boolean(session_key) })

let said
try {
  const { token, ticket, nonceStr, timestamp, signature, follows, scene, mini, unionid, session } = await libraries[process.argv[2]]()
  said = { token, ticket, nonceStr, timestamp: Number(timestamp), signature, follows, scene, mini, unionid, session }
} catch (error) {
  said = { error: String(error.errmsg ?? error.message ?? error) }
}
process.stdout.write(JSON.stringify(said) + '\n', () => process.exit()) // some of them keep sockets or timers
