// Package compat runs wxlogin with other people's programs: make compat. It needs packages
// from the Go proxy and npm, in pinned versions, so it is not part of make test. It knows
// the built program's commands and addresses, and not the code behind them.
package compat
