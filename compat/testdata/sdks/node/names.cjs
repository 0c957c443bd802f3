// Loaded before everything else in place of a line in the hosts file: WeChat's
// names lead to SIMULATOR, a host:port. The certificate is still asked for the name.
const { Socket } = require('node:net')
const [host, port] = process.env.SIMULATOR.split(':')
const connect = Socket.prototype.connect
Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (/\.(weixin\.qq\.com|qlogo\.cn)$/.test(options?.host ?? '')) {
    Object.assign(options, { host, port })
  }
  return connect.apply(this, args)
}
