// Package terminal gives what the program has to say to whoever runs it in the language
// of their terminal: messages, and the pages of --help.
//
// It does not know the settings, the commands or who says what: a message comes as the
// English text that it is, and its catalogue, words.json, has the Chinese of it. It
// imports nothing of wxlogin.
package terminal
