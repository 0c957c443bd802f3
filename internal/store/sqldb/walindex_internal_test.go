package sqldb

import (
	"encoding/binary"
	"testing"
)

// index is memory that a test writes the header of a log's index into.
type index struct{ *walIndex }

func newIndex() index {
	i := index{&walIndex{memory: make([]byte, walIndexSize)}}
	for _, copy := range []int{0, walHeaderSize} { // what a commit leaves
		binary.NativeEndian.PutUint32(i.memory[copy:], walVersion)
		binary.NativeEndian.PutUint32(i.memory[copy+8:], 1)
		i.memory[copy+12] = 1
	}
	return i
}

// What SQLite's header should not look like is no state.
func TestWALIndexTellsWhenItCannot(t *testing.T) {
	for name, spoil := range map[string]func(i index){
		"another format":     func(i index) { i.memory[0]++; i.memory[walHeaderSize]++ },
		"not initialized":    func(i index) { i.memory[12], i.memory[walHeaderSize+12] = 0, 0 },
		"torn by a dead man": func(i index) { i.memory[walHeaderSize+16]++ },
	} {
		i := newIndex()
		if _, ok := i.state(); !ok {
			t.Fatal("a sound header is no state")
		}
		spoil(i)
		if _, ok := i.state(); ok {
			t.Errorf("%s: taken for a state", name)
		}
	}
}
