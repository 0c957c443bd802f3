// Package templates holds the pages that people see and their words in three
// languages. It knows nothing of wxlogin: package web parses the files and
// gives each page its data.
package templates

import "embed"

// FS holds one file a page; files whose name begins with _ are parts shared by
// pages. locales/LANG.json holds the words.
//
//go:embed *.html locales/*.json
var FS embed.FS
