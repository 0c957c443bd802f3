// Package rig has the parts of a load on the built program: a cheap HTTP client, phones that
// sign in, processes and the resources they use, made-up people, and the statistics of
// rounds.
//
// It knows the program only from outside: its commands, settings, addresses and the schema
// that the program has migrated. It imports nothing of ours.
package rig
