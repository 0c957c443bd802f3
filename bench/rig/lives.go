package rig

import (
	"fmt"
	"time"
)

// life is the made-up history of one person.
type life struct {
	Person
	n                   int
	id                  string
	identity            string    // id of the second identity
	joined, login, seen time.Time // first login, last login, last visit
	consents, blocked   bool
	address             string
}

// life makes up the life of one person. Numbers are in the order in which people came, so
// that ids grow. All sessions are alive, as visits prolong them.
func (f *filler) life(n int) life {
	l, r := life{Person: PersonNumber(n), n: n, consents: Consents(n), blocked: IsBlocked(n) && !f.isVisitor(n)}, random("life", n)
	if n == f.people/2 {
		l.Nickname = RareNickname
	}
	if !l.consents {
		l.Nickname = ""
	}
	l.joined = f.now.Add(-400*day + time.Duration(float64(399*day)*float64(n)/float64(f.people)))
	l.id = rowID(l.joined, r)
	l.identity = rowID(l.joined, random("further", n))
	oldest := max(f.now.Sub(l.joined), time.Hour)
	l.login = f.now.Add(-time.Duration(r.Float64() * float64(min(oldest, 170*day))))
	if l.login.Before(l.joined) {
		l.login = l.joined
	}
	l.seen = f.now.Add(-time.Duration(r.Float64() * float64(28*day)))
	if f.isVisitor(n) {
		l.seen = f.now.Add(-time.Duration(r.IntN(15)) * time.Minute)
	}
	if l.seen.Before(l.login) {
		l.seen = l.login
	}
	l.address = fmt.Sprintf("198.51.%d.%d", r.IntN(256), r.IntN(256))
	return l
}

func (l life) scope() string {
	if l.consents {
		return "snsapi_userinfo"
	}
	return "snsapi_base"
}
