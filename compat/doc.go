// Package compat runs wxlogin against other people's programs: make compat. What
// it needs comes from the Go proxy and npm, in pinned versions, so it is no part
// of the one check. It knows commands and addresses and imports nothing of ours.
package compat
