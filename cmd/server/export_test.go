package main

// Main is the program.
var Main = main

// NewDoor is what answers before there is a service, and OpenDoor lets it in.
func NewDoor() *door { return &door{opened: make(chan struct{})} }

var OpenDoor = (*door).open

// Listen answers requests on a listener until its context ends.
var Listen = listen

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
