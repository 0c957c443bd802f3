package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// CommandFlags are the flags of all commands, by the command's name ("admin
// link"); each flag with its hyphens.
func CommandFlags() (map[string][]string, error) {
	parser, err := kong.New(&commands{})
	if err != nil {
		return nil, err
	}
	flags := make(map[string][]string)
	for _, leaf := range parser.Model.Leaves(true) {
		path, _, _ := strings.Cut(leaf.Path(), "<")
		name := strings.TrimSpace(strings.TrimPrefix(path, parser.Model.Name))
		flags[name] = []string{}
		for _, group := range leaf.AllFlags(false) {
			for _, flag := range group {
				flags[name] = append(flags[name], "--"+flag.Name)
			}
		}
	}
	return flags, nil
}
