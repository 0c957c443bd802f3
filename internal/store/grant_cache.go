package store

import (
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Grants are cached beside sessions, by the same rules: an application asks for userinfo
// right after it has redeemed a code, and the transaction that redeems it knows the
// answer. Clients are cached too, as every step of a login to one reads it.

// cachedGrant is a grant as it is in the database, without what depends on the clock.
type cachedGrant struct {
	auth.Granted
	sessionEndsAt time.Time // zero: its session has been deleted
}

// at is the grant as of a moment.
func (g *cachedGrant) at(now time.Time) auth.Granted {
	granted := g.Granted
	granted.Grant.InSession = now.Before(g.sessionEndsAt)
	return granted
}

// grant returns the entry of a grant, or nil, and the state to add one under.
func (c *sessionCache) grant(id string) (*cachedGrant, sqldb.State) {
	return cachedNow(c, func() *cachedGrant { return c.grants[id] })
}

// client returns the entry of a client, or nil, and the state to add one under.
func (c *sessionCache) client(id string) (*auth.Client, sqldb.State) {
	return cachedNow(c, func() *auth.Client { return c.clients[id] })
}

// cachedNow looks up an entry, if the cache is of the current state of the database.
func cachedNow[T any](c *sessionCache, look func() *T) (entry *T, state sqldb.State) {
	state, ok := c.current()
	if !ok {
		return nil, sqldb.State{}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.state == state {
		entry = look()
	}
	return entry, state
}

func (c *sessionCache) addGrant(g *cachedGrant, state sqldb.State) {
	c.addUnder(state, func() { c.putGrant(g) })
}

func (c *sessionCache) addClient(client *auth.Client, state sqldb.State) {
	c.addUnder(state, func() {
		if len(c.clients) < maxCachedClients {
			c.clients[client.ID] = client
		}
	})
}

// maxCachedClients is more than any site has.
const maxCachedClients = 1000

func (c *sessionCache) putGrant(g *cachedGrant) {
	if len(c.grants) >= maxCached {
		c.dropGrants() // they are useful for minutes only
	}
	id, user := g.Grant.ID, g.User.ID
	if c.grants[id] == nil {
		c.grantsOf[user] = append(c.grantsOf[user], id)
	}
	c.grants[id] = g
}

// putRedeemed adds a grant that a transaction of ours has redeemed, if its client is
// cached: then the client is as the transaction has seen it.
func (c *sessionCache) putRedeemed(g *cachedGrant) {
	if client := c.clients[g.Grant.ClientID]; client != nil {
		g.Client = *client
		c.putGrant(g)
	}
}

func (c *sessionCache) dropGrantsOf(user string) {
	for _, id := range c.grantsOf[user] {
		delete(c.grants, id)
	}
	delete(c.grantsOf, user)
}

func (c *sessionCache) dropGrants() {
	clear(c.grants)
	clear(c.grantsOf)
}
