package store

import (
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store/sqldb"
)

// Grants are in the cache beside sessions, and by the same rules: an application asks
// for userinfo when it has just redeemed a code, and the redeeming knows the answer.
// Clients too, which every step of a login to one reads.

// cachedGrant is a grant as the database has it, but for what the clock says.
type cachedGrant struct {
	auth.Granted
	sessionEndsAt time.Time // zero: it has no session any more
}

// at is the grant at a moment.
func (g *cachedGrant) at(now time.Time) auth.Granted {
	granted := g.Granted
	granted.Grant.InSession = now.Before(g.sessionEndsAt)
	return granted
}

// grant returns the entry of a grant, nil for none, and the state to add under.
func (c *sessionCache) grant(id string) (*cachedGrant, sqldb.State) {
	return cachedNow(c, func() *cachedGrant { return c.grants[id] })
}

// client returns the entry of a client, nil for none, and the state to add under.
func (c *sessionCache) client(id string) (*auth.Client, sqldb.State) {
	return cachedNow(c, func() *auth.Client { return c.clients[id] })
}

// cachedNow looks an entry up if what is cached is of the database's state.
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

// maxCachedClients is more than anybody has.
const maxCachedClients = 1000

func (c *sessionCache) putGrant(g *cachedGrant) {
	if len(c.grants) >= maxCached {
		c.dropGrants() // they are of use for minutes
	}
	id, user := g.Grant.ID, g.User.ID
	if c.grants[id] == nil {
		c.grantsOf[user] = append(c.grantsOf[user], id)
	}
	c.grants[id] = g
}

// putRedeemed adds a grant that a transaction of ours has redeemed, if its client is
// known: then it is as the transaction has found it.
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
