// Package rig is what a load on the built program is made of: a cheap HTTP
// client, phones that sign in, processes and what they use, made-up people, and
// the arithmetic of rounds.
//
// It knows the program from outside alone: its commands, settings, addresses and
// the schema that it has migrated itself. It imports nothing of ours.
package rig
