// One login by one library: login.mjs NAME. It prints the address that a browser
// is to open, reads the one that WeChat leads it to, and prints who came, or the
// error. APPID, SECRET, CALLBACK and PLAIN (the simulator without TLS) are
// variables.
import { createInterface } from 'node:readline/promises'
import { libraries } from './libraries.mjs'

const [, , name] = process.argv
const { APPID: appid, SECRET: secret, CALLBACK: callback, PLAIN: plain } = process.env
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
try {
  const login = await libraries[name]({ appid, secret, callback, plain })
  say({ authorize: String(await login.begin()) })
  for await (const line of createInterface({ input: process.stdin })) {
    const to = new URL(line)
    say(await login.finish(to, Object.fromEntries(to.searchParams)))
    break
  }
} catch (error) {
  say({ error: String(error.errmsg ?? error.message ?? error) })
}
process.exit() // some of them keep sockets or timers
