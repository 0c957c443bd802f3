package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wxlogin/internal/auth"
)

// keyring gives the operator's keys: those set, or those of the file beside the
// SQLite database, made when there is none.
func (s *settings) keyring() (auth.Keyring, error) {
	if s.Keys != "" {
		keys, err := auth.ParseKeys(s.Keys)
		if err != nil {
			return nil, badSetting("keys", "%v; `server keygen` makes one", err)
		}
		return keys, nil
	}
	path, ok := strings.CutPrefix(s.DatabaseURL, "sqlite:")
	if !ok {
		return nil, badSetting("keys", "is required with PostgreSQL, as all replicas share it; `server keygen` makes one")
	}
	file := path + ".keys"
	text, err := readOrMake(file, auth.NewKey())
	if err != nil {
		return nil, badSetting("database-url", "the keys beside the database cannot be kept there: %v", err)
	}
	keys, err := auth.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("keys in %s: %w", file, err)
	}
	return keys, nil
}

// readOrMake reads a file, and makes it with the text first when there is none.
// Of several processes that start at once, one makes it and all read the same.
func readOrMake(file, text string) (string, error) {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
		if err != nil {
			return "", err
		}
		defer os.Remove(temp.Name())
		_, err = temp.WriteString(text + "\n")
		if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
			return "", err
		}
		if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	content, err := os.ReadFile(file)
	return strings.TrimSpace(string(content)), err
}
