// Signs a mini program in by wxlogin. The token is a session like a browser's: it is
// renewed by use, and ends with a logout, a block, or after a long time without a visit.
const key = 'wxlogin_token'

const config = () => getApp().globalData

// call is wx.request as a promise.
function call(path, method, data, token) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: config().wxlogin + path,
      method,
      data,
      header: token ? { Authorization: 'Bearer ' + token } : {},
      success: resolve,
      fail: (failure) => reject(new Error(failure.errMsg)),
    })
  })
}

let signingIn = null

// signIn gets a token, and resolves to {person, new}. Calls at the same time share one
// wx.login.
function signIn() {
  if (!signingIn) {
    signingIn = login().finally(() => { signingIn = null })
  }
  return signingIn
}

async function login() {
  const { code } = await new Promise((success, fail) => wx.login({ success, fail }))
  const answer = await call('/mini/' + config().account + '/login', 'POST', { code })
  if (answer.statusCode !== 200) {
    throw new Error(answer.data.detail || 'HTTP ' + answer.statusCode)
  }
  wx.setStorageSync(key, answer.data.token)
  return answer.data
}

// request calls an address of wxlogin as the person who is signed in. A token that has
// ended is replaced once, without a screen.
async function request(path, method = 'GET', data) {
  if (!wx.getStorageSync(key)) {
    await signIn()
  }
  let answer = await call(path, method, data, wx.getStorageSync(key))
  if (answer.statusCode === 401) {
    await signIn()
    answer = await call(path, method, data, wx.getStorageSync(key))
  }
  if (answer.statusCode >= 400) {
    throw new Error(answer.data.detail || 'HTTP ' + answer.statusCode)
  }
  return answer.data
}

// signOut ends the session here and at wxlogin.
async function signOut() {
  const token = wx.getStorageSync(key)
  wx.removeStorageSync(key)
  if (token) {
    await call('/logout', 'POST', undefined, token)
  }
}

module.exports = { signIn, request, signOut }
