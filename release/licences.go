package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licencesFile is the file of the licences, from the root of the repository.
const licencesFile = "THIRD_PARTY_LICENSES.md"

// licences returns a text with the licences of all that the program ships on any system: the
// linked modules, Go's standard library, and the style sheet of the visitors' pages. A
// licence that several share is in it once.
func licences(ctx context.Context, root string) ([]byte, error) {
	texts := make(map[string][]string) // licence text to the modules that have it
	var rows []string
	add := func(name, version string, files map[string]string) error {
		if len(files) == 0 {
			return fmt.Errorf("%s has no licence", name)
		}
		var kinds []string
		for _, file := range slices.Sorted(maps.Keys(files)) {
			text := strings.TrimSpace(strings.ReplaceAll(files[file], "\r\n", "\n"))
			texts[text] = append(texts[text], name+": "+file)
			if kind := kindOf(text); !slices.Contains(kinds, kind) && kind != "" {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) == 0 {
			return fmt.Errorf("the licence of %s is not known here", name)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", name, version, strings.Join(kinds, ", ")))
		return nil
	}
	modules, err := linked(ctx, root)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		files, err := m.licenceFiles()
		if err != nil {
			return nil, err
		}
		if err := add(m.path, m.version, files); err != nil {
			return nil, err
		}
	}
	goRoot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	goLicence, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goRoot)), "LICENSE"))
	if err != nil {
		return nil, err
	}
	if err := add("Go, its library", "", map[string]string{"LICENSE": string(goLicence)}); err != nil {
		return nil, err
	}
	const weui = "internal/web/static/weui.LICENSE.txt"
	weuiLicence, err := os.ReadFile(filepath.Join(root, weui))
	if err != nil {
		return nil, err
	}
	if err := add("WeUI, the style sheet of the visitor's pages", "", map[string]string{weui: string(weuiLicence)}); err != nil {
		return nil, err
	}

	var b bytes.Buffer
	b.WriteString("# Licences of others\n\nwxlogin is under the [MIT licence](LICENSE). The program and its image also hold the works below, each under its own licence; where parts of a work have another, its text below names it. Made by `make licences`: do not edit it.\n\n| work | version | licence |\n|---|---|---|\n")
	b.WriteString(strings.Join(rows, "\n") + "\n")
	sorted := slices.SortedFunc(maps.Keys(texts), func(a, b string) int { return strings.Compare(texts[a][0], texts[b][0]) })
	for _, text := range sorted {
		fmt.Fprintf(&b, "\n## %s\n\n", strings.Join(texts[text], "; "))
		for line := range strings.Lines(text + "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \t\r\n") + "\n")
		}
	}
	return b.Bytes(), nil
}

// kindOf returns the name of the licence that a text begins with, recognized by a sentence
// that no other licence has. It is empty for a notice and for an unknown licence.
func kindOf(text string) string {
	flat := strings.Join(strings.Fields(text), " ")
	for _, known := range []struct{ sentence, name string }{
		{"the WeUI binary is licensed under the MIT License", "MIT"}, // the texts of its parts follow
		{"Apache License Version 2.0, January 2004", "Apache-2.0"},
		{"Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"},
		{"Neither the name", "BSD-3-Clause"},
		{"may be used to endorse or promote products", "BSD-3-Clause"},
		{"Redistributions in binary form must reproduce the above copyright notice", "BSD-2-Clause"},
		{"Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
		{"The author disclaims copyright to this source code", "public domain"},
	} {
		if strings.Contains(flat, known.sentence) {
			return known.name
		}
	}
	return ""
}

// module is a module of which packages are linked.
type module struct {
	path, version, folder string
	packages              []string // folders of the linked packages
}

// linked returns the modules of the program on any of the systems, sorted by name.
func linked(ctx context.Context, root string) ([]*module, error) {
	found := make(map[string]*module)
	for _, p := range platforms() {
		list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", "./cmd/server")
		list.Dir = root
		list.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", p.os, err)
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSpace(line), "\t")
			if len(fields) != 4 {
				continue // the standard library, or ours
			}
			m := found[fields[0]]
			if m == nil {
				m = &module{path: fields[0], version: fields[1], folder: fields[2]}
				found[m.path] = m
			}
			m.packages = append(m.packages, fields[3])
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *module) int { return strings.Compare(a.path, b.path) }), nil
}

// licenceFiles returns the licences and notices of the module itself, and those beside a
// linked package or above it, by their path in the module.
func (m *module) licenceFiles() (map[string]string, error) {
	form := regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|unlicense)`)
	code := regexp.MustCompile(`(?i)\.(go|s|h|c)$`)
	files := make(map[string]string)
	for _, folder := range append(m.packages, m.folder) {
		for strings.HasPrefix(folder+string(filepath.Separator), m.folder+string(filepath.Separator)) {
			entries, err := os.ReadDir(folder)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			for _, e := range entries {
				if e.IsDir() || !form.MatchString(e.Name()) || code.MatchString(e.Name()) {
					continue
				}
				text, err := os.ReadFile(filepath.Join(folder, e.Name()))
				if err != nil {
					return nil, err
				}
				within, err := filepath.Rel(m.folder, folder)
				if err != nil {
					return nil, err
				}
				files[path.Join(filepath.ToSlash(within), e.Name())] = string(text)
			}
			folder = filepath.Dir(folder)
		}
	}
	return files, nil
}
