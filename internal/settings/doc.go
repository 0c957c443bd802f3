// Package settings is what an operator can set: the flags, variables and files that
// settings come from, their check, and what they mean.
//
// It does not know the commands, nor what the parts of the service do with the settings:
// cmd/server maps Config to what each part asks for. From the store it needs only what a
// database URL means and who owns the files beside the database. Its messages are English;
// internal/terminal translates them.
package settings
