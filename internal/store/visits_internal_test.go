package store

import (
	"encoding/binary"
	"slices"
	"strconv"
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

func visitOf(name string) *auth.Visit {
	return &auth.Visit{Session: auth.Session{TokenHash: name, UserID: name}, User: auth.User{ID: name}}
}

// What was read while the database changed is not kept; nor is anything kept
// when somebody else's transaction came between ours and the look after it.
func TestVisitsMeetOtherTransactions(t *testing.T) {
	i := newIndex()
	v := newVisits(i.walIndex)
	kept := func(name string) bool {
		visit, _ := v.get(name)
		return visit != nil
	}
	keep := func(name string) {
		t.Helper()
		_, state := v.get(name)
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

	_, state := v.get("lin")
	i.commit() // while lin's row is read
	v.put(visitOf("lin"), state)
	if kept("lin") {
		t.Fatal("the database changed while it was read")
	}

	keep("lin")
	_, state = v.get("wang")
	ours(nothing, change{}) // while wang's row is read
	v.put(visitOf("wang"), state)
	if !kept("lin") {
		t.Fatal("a read that comes late makes others forgotten")
	}

	ours(func() {
		visit, state := v.get("wang")
		if visit != nil {
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

	keep("lin")
	ours(nothing, change{user: "wang", made: visitOf("wang")})
	if !kept("wang") || !kept("lin") {
		t.Fatal("a login's own visit need not be read")
	}
	i.commit() // somebody else's
	ours(nothing, change{user: "wang", made: visitOf("wang")})
	if !kept("wang") || kept("lin") {
		t.Fatal("a login after a change of somebody else's keeps its own visit and nothing older")
	}
	before := v.before()
	i.commit()
	v.after(before, true, []*job{
		{change: &change{user: "lin", made: visitOf("lin")}},
		{change: &change{user: "wang", made: visitOf("wang")}},
		{change: &change{user: "lin"}}, // who is blocked at the same moment
	})
	if kept("lin") || !kept("wang") {
		t.Fatal("of one transaction the later jobs count")
	}
	before = v.before()
	i.commit()
	i.commit() // somebody else's, before ours is known to be through
	v.after(before, true, []*job{{change: &change{user: "lin", made: visitOf("lin")}}})
	if kept("lin") {
		t.Fatal("the database has changed since the login")
	}
}

// Who has several sessions is forgotten with all of them, and one of them alone.
func TestVisitsOfOnePerson(t *testing.T) {
	i := newIndex()
	v := newVisits(i.walIndex)
	keep := func(hash, user string) {
		_, state := v.get(hash)
		v.put(&auth.Visit{Session: auth.Session{TokenHash: hash, UserID: user}, User: auth.User{ID: user}}, state)
	}
	wantKept := func(want ...string) {
		t.Helper()
		var kept []string
		for _, hash := range []string{"lin1", "lin2", "lin3", "wang1"} {
			if visit, _ := v.get(hash); visit != nil {
				kept = append(kept, hash)
			}
		}
		if !slices.Equal(kept, want) {
			t.Fatalf("%q are kept, want %q", kept, want)
		}
		wantInStep(t, v)
	}
	ours := func(c change) {
		before := v.before()
		i.commit()
		v.after(before, true, []*job{{change: &c}})
	}
	for range 2 { // twice, as when two have read the same at once
		for _, hash := range []string{"lin1", "lin2", "lin3"} {
			keep(hash, "lin")
		}
	}
	keep("wang1", "wang")
	wantKept("lin1", "lin2", "lin3", "wang1")
	ours(change{sessions: []string{"lin2", "nobody's"}})
	wantKept("lin1", "lin3", "wang1")
	ours(change{user: "lin"})
	wantKept("wang1")
	keep("lin2", "lin")
	wantKept("lin2", "wang1")
	ours(change{user: "wang", sessions: []string{"wang1"}})
	wantKept("lin2")
	i.commit() // somebody else's
	keep("lin3", "lin")
	wantKept("lin3")
}

// What is kept does not grow without end.
func TestVisitsHaveABound(t *testing.T) {
	v := newVisits(newIndex().walIndex)
	for n := range maxVisits + 100 {
		hash := strconv.Itoa(n)
		_, state := v.get(hash)
		v.put(&auth.Visit{Session: auth.Session{TokenHash: hash}, User: auth.User{ID: strconv.Itoa(n % 1000)}}, state)
		if visit, _ := v.get(hash); visit == nil {
			t.Fatal("the newest is not kept")
		}
	}
	if len(v.kept) != maxVisits {
		t.Errorf("%d are kept", len(v.kept))
	}
	wantInStep(t, v)
}

// wantInStep wants the sessions of all people to be those that are kept.
func wantInStep(t *testing.T, v *visits) {
	t.Helper()
	listed := 0
	for user, hashes := range v.sessions {
		for _, hash := range hashes {
			if visit := v.kept[hash]; visit == nil || visit.User.ID != user {
				t.Errorf("%s is listed for %s, and kept is %v", hash, user, visit)
			}
		}
		if listed += len(hashes); len(hashes) == 0 {
			t.Errorf("nothing is listed for %s", user)
		}
	}
	if listed != len(v.kept) {
		t.Errorf("%d are listed, %d kept", listed, len(v.kept))
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
		if visit, _ := v.get("lin"); visit != nil {
			t.Errorf("%s: kept", name)
		}
	}
}
