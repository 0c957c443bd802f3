// Plays WeChat's client around the sample mini program: wx.login asks the simulator for
// a code, wx.request is fetch. It is told the folder of the sample, the address of the
// service and that of the simulator, the mini program's AppID and whose phone it is on.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [folder, service, simulator, appid, person] = process.argv.slice(2)
const require = createRequire(join(folder, 'app.js'))
const storage = new Map()
const told = { logins: 0, statuses: [] }
const files = { 'http://tmp/avatar.png': process.env.PICTURE }

globalThis.getApp = () => app
globalThis.wx = {
  login({ success, fail }) {
    told.logins++
    fetch(simulator + '/_sim/wx.login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ person, appid }) })
      .then((r) => r.json()).then(success, fail)
  },
  request({ url, method, data, header, success, fail }) {
    const headers = { 'Content-Type': 'application/json', Referer: 'https://servicewechat.com/' + appid + '/1/page-frame.html', ...header }
    fetch(url, { method, headers, redirect: 'manual', body: data === undefined ? undefined : JSON.stringify(data) })
      .then(async (r) => {
        const text = await r.text()
        told.statuses.push(method + ' ' + new URL(url).pathname + ' ' + r.status)
        success({ statusCode: r.status, data: text && JSON.parse(text) })
      })
      .catch((e) => fail({ errMsg: String(e) }))
  },
  getStorageSync: (k) => storage.get(k) ?? '',
  setStorageSync: (k, v) => storage.set(k, v),
  removeStorageSync: (k) => storage.delete(k),
  getFileSystemManager: () => ({ readFileSync: (path) => files[path] }),
}
let app, page
globalThis.App = (a) => { app = a }
globalThis.Page = (p) => { page = { ...p, data: { ...p.data }, setData(d) { Object.assign(this.data, d) } } }

require('./app.js')
Object.assign(app.globalData, { wxlogin: service, account: 'app' })
require('./pages/index/index.js')

await page.onLoad()
told.first = page.data.person
page.onNickname({ detail: { value: '小程序里的林' } })
page.onChooseAvatar({ detail: { avatarUrl: 'http://tmp/avatar.png' } })
await page.onSave()
told.saved = page.data.person
const token = storage.get('wxlogin_token')
storage.set('wxlogin_token', token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')) // one that has ended
await page.onLoad()
told.again = page.data.person
const live = storage.get('wxlogin_token')
await page.onSignOut()
told.left = page.data.person
told.after = (await fetch(service + '/api/me', { headers: { Authorization: 'Bearer ' + live } })).status
told.failure = page.data.failure
console.log(JSON.stringify(told))
