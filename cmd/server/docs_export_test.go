package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// Commands are all commands, "admin link" among them.
func Commands() ([]string, error) {
	parser, err := kong.New(&commands{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, leaf := range parser.Model.Leaves(true) {
		path, _, _ := strings.Cut(leaf.Path(), "<")
		names = append(names, strings.TrimSpace(strings.TrimPrefix(path, parser.Model.Name)))
	}
	return names, nil
}

// Variables are the names of all settings, with the _FILE forms.
func Variables() []string { return variableNames() }
