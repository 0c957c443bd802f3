// Package terminal translates what the program prints for the operator into the language
// of the terminal: messages, and the pages of --help.
//
// It does not know the settings, the commands or where a message comes from: it gets the
// finished English text and looks it up in its catalogue, words.json. It imports nothing
// of wxlogin.
package terminal
