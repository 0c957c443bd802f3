package sqldb

import (
	"encoding/binary"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// walIndex tells whether a SQLite database has changed, for the price of a few
// loads from memory. It reads what SQLite itself reads for that: the header of
// the write-ahead log's index, in memory that all processes on the file share.
// Every commit changes it before it is reported as done, and SQLite trusts its
// own page cache by the same comparison (walformat.html, §2.1, and wal.c,
// walIndexTryHdr). A query for PRAGMA data_version takes and gives back a file
// lock: two system calls, more than the rest of a visit together.
//
// SQLite may change the format. What is not as expected is "cannot tell", and
// then every visit reads the database.
type walIndex struct {
	memory []byte // shared with all processes, never unmapped
}

// walHeader is one state of a database. Equal headers are the same state: the
// counter of transactions (word 2), the length of the log, its salts and the
// checksum over all of it are in there.
type walHeader [walHeaderSize / 4]uint32

const (
	walHeaderSize = 48
	walVersion    = 3007000 // iVersion, since the first release with a log
)

// walIndexSize is what is mapped: both copies of the header, in one page.
const walIndexSize = 4096

// state returns the state of the database at this moment. ok is false when it
// cannot be told: nobody has opened the log yet, a writer has died between the
// two copies, the format is another.
func (w *walIndex) state() (h walHeader, ok bool) {
	if w == nil {
		return h, false
	}
	// A file that has been cut off under us has no memory to read: a fault of the
	// file's, and no reason to end the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			h, ok = walHeader{}, false
		}
	}()
	// A writer changes the second copy first. Like SQLite, read in the other order.
	var again walHeader
	for range 3 {
		for i := range h {
			h[i] = w.word(i)
		}
		for i := range again {
			again[i] = w.word(i + len(h))
		}
		if h == again {
			initialized := *(*byte)(unsafe.Pointer(&h[3])) // its first byte, whatever the machine's order
			return h, h[0] == walVersion && initialized == 1
		}
	}
	return h, false
}

// logSize is how long a log is at least that has all pages of a state, in bytes
// (walformat.html, §2.1 and §1.1): a header, and a header and a page for each. 0
// when there is none.
func (h walHeader) logSize() int64 {
	if h[4] == 0 {
		return 0
	}
	page := int64((*[2]uint16)(unsafe.Pointer(&h[3]))[1]) // the second half, whatever the machine's order
	if page == 1 {
		page = 65536 // which 16 bits cannot hold
	}
	return walHeaderOfLog + int64(h[4])*(24+page)
}

// walHeaderOfLog is how long the log's own header is, in bytes.
const walHeaderOfLog = 32

// began says whether a log with this header is the one of the state, by its salts,
// which both have as the same bytes.
func (h walHeader) began(log [walHeaderOfLog]byte) bool {
	return h[8] == binary.NativeEndian.Uint32(log[16:]) && h[9] == binary.NativeEndian.Uint32(log[20:])
}

func (w *walIndex) word(i int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&w.memory[4*i])))
}

// log says how many pages the log has (mxFrame), and how many of them the file has
// by now (nBackfill, after both headers; walformat.html, §2.1). The two may be of
// different moments.
// Both are 0 when they cannot be read.
func (w *walIndex) log() (pages, copied uint32) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			pages, copied = 0, 0
		}
	}()
	return w.word(4), w.word(2 * walHeaderSize / 4)
}
