// Package settings is what an operator can set: the flags, variables and files that
// settings come from, their check, and what they mean.
//
// It does not know what the parts of the service do with them, and no command: whoever
// runs one maps Config to what each part asks for. Of the store it asks only what the
// address of a database means and whose the files beside it are. It speaks English; the
// language of the terminal is another's.
package settings
