package store

import (
	"encoding/binary"
	"testing"

	"wxlogin/internal/auth"
)

// index is memory that a test writes the header of a log's index into.
type index struct {
	*walIndex
	transactions uint32
}

func newIndex() *index {
	i := &index{walIndex: &walIndex{memory: make([]byte, walIndexSize)}}
	i.commit()
	return i
}

// commit is what a transaction leaves in both copies of the header.
func (i *index) commit() {
	i.transactions++
	for _, copy := range []int{0, walHeaderSize} {
		binary.NativeEndian.PutUint32(i.memory[copy:], walVersion)
		binary.NativeEndian.PutUint32(i.memory[copy+8:], i.transactions)
		i.memory[copy+12] = 1
	}
}

func visitOf(name string) auth.Visit {
	return auth.Visit{Session: auth.Session{TokenHash: name, UserID: name}, User: auth.User{ID: name}}
}

// What was read while the database changed is not kept; nor is anything kept
// when somebody else's transaction came between ours and the look after it.
func TestVisitsMeetOtherTransactions(t *testing.T) {
	i := newIndex()
	v := newVisits(i.walIndex)
	kept := func(name string) bool {
		_, _, ok := v.get(name)
		return ok
	}
	keep := func(name string) {
		t.Helper()
		_, state, _ := v.get(name)
		v.put(visitOf(name), state)
		if !kept(name) {
			t.Fatalf("%s is not kept", name)
		}
	}
	ours := func(meanwhile func(), c change) {
		before := v.before()
		i.commit()
		meanwhile()
		v.after(before, true, []*job{{change: &c}})
	}
	nothing := func() {}

	keep("lin")
	keep("wang")
	ours(nothing, change{user: "wang"})
	if !kept("lin") || kept("wang") {
		t.Fatal("our own transaction forgets whom it has changed, and nobody else")
	}
	ours(i.commit, change{})
	if kept("lin") {
		t.Fatal("somebody else's transaction came behind ours")
	}
	keep("lin")
	i.commit()
	ours(nothing, change{})
	if kept("lin") {
		t.Fatal("somebody else's transaction came before ours")
	}

	_, state, _ := v.get("lin")
	i.commit() // while lin's row is read
	v.put(visitOf("lin"), state)
	if kept("lin") {
		t.Fatal("the database changed while it was read")
	}

	keep("lin")
	_, state, _ = v.get("wang")
	ours(nothing, change{}) // while wang's row is read
	v.put(visitOf("wang"), state)
	if !kept("lin") {
		t.Fatal("a read that comes late makes others forgotten")
	}

	ours(func() {
		_, state, ok := v.get("wang")
		if ok {
			t.Fatal("nobody has kept wang")
		}
		v.put(visitOf("wang"), state) // sees the commit, but not yet whom it has changed
	}, change{user: "wang"})
	if !kept("lin") || kept("wang") {
		t.Fatal("a read during our own transaction makes others forgotten")
	}
	ours(nothing, everything)
	if kept("lin") {
		t.Fatal("a transaction of unknown effect forgets everybody")
	}
}

// What SQLite's header should not look like is no state.
func TestWALIndexTellsWhenItCannot(t *testing.T) {
	for name, spoil := range map[string]func(i *index){
		"another format":     func(i *index) { i.memory[0]++; i.memory[walHeaderSize]++ },
		"not initialized":    func(i *index) { i.memory[12], i.memory[walHeaderSize+12] = 0, 0 },
		"torn by a dead man": func(i *index) { i.memory[walHeaderSize+16]++ },
	} {
		i := newIndex()
		if _, ok := i.state(); !ok {
			t.Fatal("a sound header is no state")
		}
		spoil(i)
		if _, ok := i.state(); ok {
			t.Errorf("%s: taken for a state", name)
		}
		v := newVisits(i.walIndex)
		v.put(visitOf("lin"), walHeader{})
		if _, _, ok := v.get("lin"); ok {
			t.Errorf("%s: kept", name)
		}
	}
}
