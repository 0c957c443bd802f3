// Package store keeps what package auth saves, in SQL: people, tokens, sessions, logins,
// the audit log.
//
// It does not know HTTP, cookies or WeChat, who may do what, or when a session counts as
// idle. Connections, locks, logs and files are left to package sqldb, and how lists of
// people and events are found to package list. It sees a token only as its hash, and a
// refresh_token only between the caller and the seal. The schema comes in as files.
//
// One schema and one set of statements serve every engine. Sessions that have been read
// are cached for as long as the database has not changed (session_cache.go).
package store
