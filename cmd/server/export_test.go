package main

// Main is the program.
var Main = main

// What tunes the garbage collector.
var (
	LimitFor = limitFor
	InUse    = inUse
	TuneGC   = tuneGC
)

// Idleness is idleness.
type Idleness struct{ idleness }

// Over is over.
func (i *Idleness) Over(allocated uint64) bool { return i.over(allocated) }
