package sqldb

import (
	"encoding/binary"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// walIndex tells whether a SQLite database has changed, for the price of a few loads from
// memory. It reads what SQLite itself reads for that: the header of the write-ahead log's
// index, in memory that all processes with this file share. Every commit changes it before
// it is reported as done, and SQLite trusts its own page cache by the same comparison
// (walformat.html, §2.1, and wal.c, walIndexTryHdr). A query for PRAGMA data_version takes
// and releases a file lock: two system calls, more than all the rest of a visit.
//
// SQLite may change the format. Anything unexpected means that the state is unknown, and
// then every visit reads the database.
type walIndex struct {
	memory []byte // shared with all processes, never unmapped
}

// walHeader is one state of a database. Equal headers are the same state: it has the
// counter of transactions (word 2), the length of the log, its salts and the checksum over
// all of it.
type walHeader [walHeaderSize / 4]uint32

const (
	walHeaderSize = 48
	walVersion    = 3007000 // iVersion, since the first release with a log
)

// walIndexSize is what is mapped: both copies of the header, in one page.
const walIndexSize = 4096

// state returns the current state of the database. ok is false when it is unknown: nobody
// has opened the log yet, a writer has died between the two copies, or the format is
// another.
func (w *walIndex) state() (h walHeader, ok bool) {
	if w == nil {
		return h, false
	}
	// A file that was truncated under us has no memory to read: that is a fault of the
	// file, and no reason to end the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			h, ok = walHeader{}, false
		}
	}()
	// A writer changes the second copy first. Like SQLite, read them in the other order.
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

// logSize is the minimum size in bytes of a log that has all pages of a state
// (walformat.html, §2.1 and §1.1): a header, and for each page a header and the page. 0
// when there is no log.
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

// began says whether a log with this header is the one of the state: both have the salts
// as the same bytes.
func (h walHeader) began(log [walHeaderOfLog]byte) bool {
	return h[8] == binary.NativeEndian.Uint32(log[16:]) && h[9] == binary.NativeEndian.Uint32(log[20:])
}

func (w *walIndex) word(i int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&w.memory[4*i])))
}

// log returns how many pages the log has (mxFrame), and how many of them have been copied
// into the file (nBackfill, after both headers; walformat.html, §2.1). The two may be of
// different moments. Both are 0 when they cannot be read.
func (w *walIndex) log() (pages, copied uint32) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			pages, copied = 0, 0
		}
	}()
	return w.word(4), w.word(2 * walHeaderSize / 4)
}
