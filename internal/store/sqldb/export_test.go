package sqldb

// LogPages says how many pages SQLite's log has, and how many of them the file
// has by now.
func (db *DB) LogPages() (pages, copied uint32) { return db.index.log() }
