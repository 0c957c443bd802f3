package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
	"wxlogin/migrations"
)

// openStore opens the database with the operator's keys. Where there are none, they
// are made once it is open, so that a start that is refused leaves none behind.
func (s *settings) openStore(ctx context.Context, log *slog.Logger) (*store.Store, auth.Keyring, error) {
	return s.open(ctx, store.Config{Logger: log, Keep: true})
}

// openWatched is openStore for the service, which migrates an older schema, and wants to
// know how far that is.
func (s *settings) openWatched(ctx context.Context, log *slog.Logger, migrating func(store.Migration)) (*store.Store, auth.Keyring, error) {
	return s.open(ctx, store.Config{Logger: log, Migrating: migrating})
}

func (s *settings) open(ctx context.Context, c store.Config) (*store.Store, auth.Keyring, error) {
	keys, err := s.keyring()
	if err != nil {
		return nil, nil, err
	}
	c.URL, c.Keys, c.Migrations, c.Now = s.DatabaseURL, keys, migrations.FS, time.Now
	c.MakeKeys = func(sealed bool) (auth.Keyring, error) {
		keys, err = s.makeKeys(sealed)
		return keys, err
	}
	db, err := store.Open(ctx, c)
	return db, keys, err
}

// keyring gives the operator's keys: those set, or those of the file beside the
// SQLite database. It is nil when that file is to be made.
func (s *settings) keyring() (auth.Keyring, error) {
	if s.Keys != "" {
		keys, err := auth.ParseKeys(s.Keys)
		if err != nil {
			return nil, badSetting("keys", "%v; `server keygen` makes one", err)
		}
		return keys, nil
	}
	file, ok := s.keyFile()
	if !ok {
		return nil, badSetting("keys", "is required with PostgreSQL, as all replicas share it; `server keygen` makes one")
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writableFolder(filepath.Dir(file)); err != nil {
			return nil, badSetting("database-url", "the keys beside the database cannot be kept there: %v", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the keys beside the database cannot be read: %w%s", variableOf("database-url"), err, store.Whose(file, err))
	}
	if info, err := os.Stat(file); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others on this machine can read or change the keys. Run: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	return parseKeyFile(file, string(text))
}

func parseKeyFile(file, text string) (auth.Keyring, error) {
	keys, err := auth.ParseKeys(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("keys in %s: %w", file, err)
	}
	return keys, nil
}

// keyFile is where the keys lie that nobody has set. They are beside the database
// itself, by whatever name it is opened; or beside the symbolic link, where older
// versions have put them.
func (s *settings) keyFile() (file string, ok bool) {
	path, ok := store.File(s.DatabaseURL)
	if !ok {
		return "", false
	}
	file = path + ".keys"
	if beside := strings.TrimPrefix(s.DatabaseURL, "sqlite:") + ".keys"; !exists(file) && exists(beside) {
		return beside, true
	}
	return file, true
}

// makeKeys makes the file of the keys. Of several processes that start at once, one
// makes it and all read the same.
//
// A database with sealed tokens had keys. New ones would look as if all were well,
// and what the old ones open would be lost.
func (s *settings) makeKeys(sealed bool) (auth.Keyring, error) {
	file, _ := s.keyFile()
	if sealed {
		return nil, fmt.Errorf("%s is gone, and the database has tokens that only its keys open. Put it back from where you keep it. "+
			"If it is lost for good, set WXLOGIN_KEYS to what `server keygen` prints: people sign in once more, and stored tokens do not open", file)
	}
	text, err := readOrMake(file, auth.NewKey())
	if err != nil {
		return nil, badSetting("database-url", "the keys beside the database cannot be kept there: %v", err)
	}
	return parseKeyFile(file, text)
}

// readOrMake reads a file, and makes it with the text first when there is none.
func readOrMake(file, text string) (string, error) {
	if !exists(file) {
		temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
		if err != nil {
			return "", err
		}
		defer os.Remove(temp.Name())
		_, err = temp.WriteString(text + "\n")
		err = errors.Join(err, temp.Sync(), temp.Close(), store.TakeOwner(temp.Name(), strings.TrimSuffix(file, ".keys")))
		if err != nil {
			return "", err
		}
		if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	content, err := os.ReadFile(file)
	return string(content), err
}
