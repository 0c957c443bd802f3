// Each library as its README uses it, less what has nothing to do with WeChat.
// A login begins with an address and finishes with a callback.

export const libraries = {
  // Express' part of passport is played: an action on the strategy.
  async 'passport-wechat'({ appid, secret, callback }) {
    const strategy = await passport({ appID: appid, appSecret: secret, callbackURL: callback })
    return passportLogin(strategy, {})
  },
  async 'passport-wechat with state'({ appid, secret, callback }) {
    const strategy = await passport({ appID: appid, appSecret: secret, callbackURL: callback })
    return passportLogin(strategy, { state: 'a1b2c3' })
  },
  async 'passport-wechat website'({ appid, secret, callback }) {
    const strategy = await passport({ appID: appid, appSecret: secret, callbackURL: callback, client: 'web', scope: 'snsapi_login' })
    return passportLogin(strategy, { state: 'a1b2c3' })
  },

  async 'node-easywechat'({ appid, secret, callback }) {
    const { OfficialAccount } = (await import('node-easywechat')).default
    const app = new OfficialAccount({ app_id: appid, secret, oauth: { scopes: ['snsapi_userinfo'], redirect_url: callback } })
    const oauth = app.getOAuth()
    return {
      begin: () => oauth.redirect(),
      finish: async (_, { code }) => {
        const user = await oauth.userFromCode(code)
        return { openid: user.getId(), nickname: user.getNickname() }
      },
    }
  },

  async 'wechat-jssdk'({ appid, secret, callback, plain }) {
    const { OAuth } = (await import('wechat-jssdk')).default
    const store = await notOnDisk()
    const oauth = new OAuth({
      appId: appid, appSecret: secret, wechatToken: 'unused', wechatRedirectUrl: callback, store,
      oAuthUrl: plain + '/connect/oauth2/authorize', apiUrl: plain,
    })
    return {
      begin: () => oauth.snsUserInfoUrl,
      finish: async (_, { code }) => oauth.getUserInfo(code),
    }
  },

  async '@logto/connector-wechat-web'({ appid, secret, callback }) {
    const { default: create } = await import('@logto/connector-wechat-web')
    const connector = await create({ getConfig: async () => ({ appId: appid, appSecret: secret }) })
    return {
      begin: () => connector.getAuthorizationUri({ state: 'a1b2c3', redirectUri: callback }),
      finish: async (_, parameters) => {
        const { id, name, rawData } = await connector.getUserInfo(parameters)
        return { openid: rawData.openid, unionid: id, nickname: name }
      },
    }
  },

  '@auth/core': (account) => authCore(account, { platformType: 'OfficialAccount' }),
  '@auth/core with pkce': (account) => authCore(account, { platformType: 'OfficialAccount', checks: ['pkce'] }),
  '@auth/core website': (account) => authCore(account, { platformType: 'WebsiteApp' }),

  async 'better-auth'({ appid, secret, callback }) {
    const [{ betterAuth }, { memoryAdapter }] = await Promise.all([import('better-auth'), import('better-auth/adapters/memory')])
    const auth = betterAuth({
      baseURL: new URL(callback).origin, secret: 'an example of 32 characters, at least', telemetry: { enabled: false },
      database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
      socialProviders: { wechat: { clientId: appid, clientSecret: secret } },
    })
    return browser(callback, auth.handler, {
      begin: async (ask) => (await (await ask('/api/auth/sign-in/social', { provider: 'wechat', callbackURL: '/' })).json()).url,
      finish: async (ask) => {
        const accounts = await (await ask('/api/auth/list-accounts')).json()
        const session = await (await ask('/api/auth/get-session')).json()
        return { unionid: accounts[0].accountId, nickname: session.user.name }
      },
    })
  },
}

async function passport(options) {
  const { default: Strategy } = await import('passport-wechat')
  return new Strategy(options, (access, refresh, profile, expires, done) => done(null, profile))
}

function passportLogin(strategy, options) {
  const act = (query) => new Promise((resolve, reject) => {
    const acting = Object.create(strategy)
    Object.assign(acting, { redirect: resolve, success: resolve, error: reject, fail: (why) => reject(new Error('refused ' + why)) })
    acting.authenticate({ _passport: {}, query, url: '/', originalUrl: '/', protocol: 'http', get: () => 'app.example.com' }, options)
  })
  return { begin: () => act({}), finish: (_, query) => act(query) }
}

// notOnDisk is a store of wechat-jssdk that leaves no file behind.
async function notOnDisk() {
  const { Store } = (await import('wechat-jssdk')).default
  return new Store()
}

async function authCore({ appid, secret, callback }, options) {
  const [{ Auth }, { default: WeChat }] = await Promise.all([import('@auth/core'), import('@auth/core/providers/wechat')])
  let wrong // the page has a word for it, the log the reason
  const config = {
    providers: [WeChat({ clientId: appid, clientSecret: secret, ...options })],
    secret: 'an example of 32 characters, at least', trustHost: true, basePath: '/auth', logger: { error: (error) => { wrong = error.cause?.err ?? error }, warn() {} },
    callbacks: {
      jwt: ({ token, profile }) => ({ ...token, ...(profile && { openid: profile.openid, unionid: profile.unionid }) }),
      session: ({ session, token }) => ({ ...session, openid: token.openid, unionid: token.unionid }),
    },
  }
  return browser(callback, (request) => Auth(request, config), {
    begin: async (ask) => {
      const { csrfToken } = await (await ask('/auth/csrf')).json()
      const response = await ask('/auth/signin/wechat', new URLSearchParams({ csrfToken }))
      return response.headers.get('location')
    },
    finish: async (ask) => {
      if (wrong) throw wrong
      const { user, openid, unionid } = await (await ask('/auth/session')).json()
      return { openid, unionid, nickname: user.name }
    },
  })
}

// browser asks a handler of requests as a browser would, with its cookies.
function browser(callback, handler, { begin, finish }) {
  const { origin } = new URL(callback)
  const jar = new Map()
  const ask = async (path, body) => {
    const headers = { cookie: [...jar].map(([name, value]) => name + '=' + value).join('; '), origin }
    const json = body && !(body instanceof URLSearchParams)
    if (json) headers['content-type'] = 'application/json'
    const response = await handler(new Request(new URL(path, origin), { method: body ? 'POST' : 'GET', headers, body: json ? JSON.stringify(body) : body }))
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
      jar.set(name, value)
    }
    return response
  }
  return {
    begin: () => begin(ask),
    finish: async (to) => {
      await ask(to.pathname + to.search)
      return finish(ask)
    },
  }
}
