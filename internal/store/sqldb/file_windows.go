package sqldb

import "os"

func chownLike(string, os.FileInfo) error { return nil }

func owner(string) string { return "" }

func self() string { return "" }
