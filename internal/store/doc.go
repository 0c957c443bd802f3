// Package store keeps what package auth writes down, in SQL: people, tokens,
// sessions, logins, the audit log.
//
// It does not know HTTP, cookies or WeChat, who may do what, or when a session
// counts as idle. It sees a token only as its hash, and a refresh_token only
// between the caller and the seal. The schema comes in as files.
//
// One schema and one set of statements serve every engine; what an engine needs
// otherwise is a dialect value. Reads and writes have pools of their own, so
// that no read ever waits for a writer, and no read writes.
//
// SQLite has one writer: what waits for it is committed together (commit.go), and
// its log is copied into the file beside it (checkpoint.go). Sessions that
// have been read are kept for as long as the database is the same (session_cache.go,
// walindex.go).
package store
