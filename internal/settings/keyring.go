package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// Keyring returns the operator's keys: those that are set, or those of the file beside the
// SQLite database. It returns nil if that file has yet to be made.
func (s *Settings) Keyring() (auth.Keyring, error) {
	if s.Keys != "" {
		keys, err := auth.ParseKeys(s.Keys)
		if err != nil {
			return nil, Errorf("keys", "%v; `server keygen` makes one", err)
		}
		return keys, nil
	}
	file, ok := s.KeyFile()
	if !ok {
		return nil, Errorf("keys", "is required with PostgreSQL, as all replicas share it; `server keygen` makes one")
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := WritableFolder(filepath.Dir(file)); err != nil {
			return nil, Errorf("database-url", "the keys beside the database cannot be kept there: %v", err)
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

// KeyFile returns the file of the keys, which is used when none are set. It is beside the
// database file itself, by whatever name that is opened; or beside the symbolic link, where
// older versions put it. ok is false with PostgreSQL.
func (s *Settings) KeyFile() (file string, ok bool) {
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

// MakeKeys makes the file of the keys. If several processes start at once, one makes it and
// all read the same keys.
//
// It fails if the database has sealed tokens, as these had keys: with new ones everything
// would look well, and what the old ones open would be lost.
func (s *Settings) MakeKeys(sealed bool) (auth.Keyring, error) {
	file, _ := s.KeyFile()
	if sealed {
		return nil, fmt.Errorf("%s is gone, and the database has tokens that only its keys open. Put it back from where you keep it. "+
			"If it is lost for good, set WXLOGIN_KEYS to what `server keygen` prints: people sign in once more, and stored tokens do not open", file)
	}
	text, err := readOrMake(file, auth.NewKey())
	if err != nil {
		return nil, Errorf("database-url", "the keys beside the database cannot be kept there: %v", err)
	}
	return parseKeyFile(file, text)
}

// readOrMake reads a file, after creating it with the text if it does not exist.
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

// WritableFolder returns an error if no file can be created in a folder.
func WritableFolder(folder string) error {
	f, err := os.CreateTemp(folder, ".wxlogin-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
