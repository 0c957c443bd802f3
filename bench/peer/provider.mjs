// npm oidc-provider at ISSUER, with everything that it keeps in the SQLite file FILE,
// each write on the disk before it goes on, as wxlogin's. Its own pages sign people in.
import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import Provider from 'oidc-provider'

const { ISSUER, FILE, JWKS, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env
const db = new Database(FILE)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(`CREATE TABLE IF NOT EXISTS items (model TEXT, id TEXT, payload TEXT, uid TEXT, grant_id TEXT, ends_at INTEGER, PRIMARY KEY (model, id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_uid ON items (uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS by_grant ON items (grant_id) WHERE grant_id IS NOT NULL;`)
const put = db.prepare('INSERT INTO items VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload, uid = excluded.uid, grant_id = excluded.grant_id, ends_at = excluded.ends_at')
const get = db.prepare('SELECT payload FROM items WHERE model = ? AND id = ? AND (ends_at IS NULL OR ends_at > ?)')
const byUID = db.prepare('SELECT payload FROM items WHERE uid = ? AND model = ?')
const consume = db.prepare("UPDATE items SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?")
const remove = db.prepare('DELETE FROM items WHERE model = ? AND id = ?')
const revoke = db.prepare('DELETE FROM items WHERE grant_id = ?')
const now = () => Math.floor(Date.now() / 1000)
const parsed = (row) => row && JSON.parse(row.payload)

class Adapter {
  constructor(model) { this.model = model }
  async upsert(id, payload, expiresIn) {
    put.run(this.model, id, JSON.stringify(payload), payload.uid ?? null, payload.grantId ?? null, expiresIn ? now() + expiresIn : null)
  }
  async find(id) { return parsed(get.get(this.model, id, now())) }
  async findByUid(uid) { return parsed(byUID.get(uid, this.model)) }
  async findByUserCode() {}
  async consume(id) { consume.run(now(), this.model, id) }
  async destroy(id) { remove.run(this.model, id) }
  async revokeByGrantId(id) { revoke.run(id) }
}

const provider = new Provider(ISSUER, {
  adapter: Adapter,
  jwks: JSON.parse(JWKS),
  cookies: { keys: ['a key of the bench'] },
  clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [REDIRECT_URI], response_types: ['code'], grant_types: ['authorization_code'] }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'picture', 'updated_at'] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: '林小满', preferred_username: sub, picture: `${ISSUER}/picture/${sub}`, updated_at: 1700000000 }),
  }),
})
const { hostname, port } = new URL(ISSUER)
createServer(provider.callback()).listen(Number(port), hostname, () => console.log('{"msg":"peer is ready"}'))
