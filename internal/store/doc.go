// Package store keeps what package auth writes down, in SQL: people, tokens,
// sessions, logins, the audit log of what admins did.
//
// It does not know HTTP, cookies or WeChat, who may do what, or when a session
// counts as idle; nor connections, locks, logs and files, which are package
// sqldb's, nor how lists of people and events are found, which is package list's.
// It sees a token only as its hash, and a refresh_token only between the caller and
// the seal. The schema comes in as files.
//
// One schema and one set of statements serve every engine. Sessions that have been
// read are cached for as long as the database is the same (session_cache.go).
package store
