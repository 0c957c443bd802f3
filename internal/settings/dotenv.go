package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/joho/godotenv"
)

// readDotenv reads a file of variables; a missing file is not an error. Its errors name
// only the file, the line and the variable: the library's errors repeat the rest of the
// file, secrets included.
func readDotenv(file string) (map[string]string, error) {
	text, err := readText(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := checkDotenv(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	vars, err := godotenv.Unmarshal(text)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read", file) // cannot happen after checkDotenv
	}
	return vars, nil
}

// dotenvName matches the names of variables. The library also accepts spaces in them, and
// takes a line without "=" at the end of the file for a variable without a name.
var dotenvName = regexp.MustCompile(`^[A-Za-z_][0-9A-Za-z_.]*$`)

// checkDotenv returns an error for the first line that is not a setting.
func checkDotenv(text string) error {
	lines, set := strings.Split(text, "\n"), map[string]bool{}
	for i := 0; i < len(lines); {
		// A quoted value may go on over several lines.
		end := i + 1
		vars, err := godotenv.Unmarshal(lines[i])
		for err != nil && opensQuote(lines[i]) && end < len(lines) {
			end++
			vars, err = godotenv.Unmarshal(strings.Join(lines[i:end], "\n"))
		}
		where := fmt.Sprintf("line %d", i+1)
		if name := nameIn(lines[i]); name != "" {
			where = fmt.Sprintf("line %d, %s", i+1, name)
		}
		switch {
		case err != nil && opensQuote(lines[i]):
			return fmt.Errorf("%s: the quote that begins the value has no end", where)
		case err != nil:
			return fmt.Errorf("%s: is not of the form NAME=value", where)
		case nameIn(lines[i]) != "" && refersToUnset(strings.Join(lines[i:end], "\n"), vars, set):
			return fmt.Errorf("%s: $ and a capital letter or a digit in the value are taken for a variable, which the file does not set; put the value into single quotes", where)
		}
		for name := range vars {
			if !dotenvName.MatchString(name) {
				return fmt.Errorf("%s: is not of the form NAME=value", where)
			}
			set[name] = true
		}
		i = end
	}
	return nil
}

// dotenvReference matches what the library may take for the value of another variable.
var dotenvReference = regexp.MustCompile(`\$\(?\{?([A-Z0-9_]+)`)

// refersToUnset says whether a setting, which sets vars, refers to a variable that no line
// before it has set. The library puts nothing in its place, and a password with a $ would
// become another one without an error. Quotes and comments decide what is a reference, so
// the library is asked: such variables are given a mark, which turns up in the value.
func refersToUnset(setting string, vars map[string]string, set map[string]bool) bool {
	const mark = "\uE000"
	var marked strings.Builder
	for _, reference := range dotenvReference.FindAllStringSubmatch(setting, -1) {
		if name := reference[1]; !set[name] {
			marked.WriteString(name + "=" + mark + "\n")
		}
	}
	after, _ := godotenv.Unmarshal(marked.String() + setting) // setting has been read by itself
	for name := range vars {
		if strings.Contains(after[name], mark) {
			return true
		}
	}
	return false
}

var quoteOpener = regexp.MustCompile(`^[^=:#]*[=:]\s*["']`)

func opensQuote(line string) bool { return quoteOpener.MatchString(line) }

var ownName = regexp.MustCompile(`^(WXLOGIN|OTEL)_[A-Z_]*`)

// nameIn returns the variable that a line sets. It is empty when that is unclear, as the
// line may be the rest of a secret.
func nameIn(line string) string {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "export"); ok {
		line = strings.TrimSpace(rest)
	}
	longest := ""
	for _, name := range variableNames() {
		if strings.HasPrefix(line, name) && len(name) > len(longest) {
			longest = name
		}
	}
	if longest == "" {
		longest = ownName.FindString(line)
	}
	return longest
}

// readText reads a file that was written with an editor. Editors of Windows put a byte
// order mark at the beginning, and some save as UTF-16.
func readText(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	utf16 := bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff})
	if utf16 || bytes.IndexByte(content, 0) >= 0 {
		return "", errors.New("is not UTF-8 but UTF-16, as some editors of Windows write; save as UTF-8")
	}
	text := strings.TrimPrefix(string(content), "\uFEFF")
	return strings.ReplaceAll(text, "\r\n", "\n"), nil
}

// readSecret reads the file that a variable with _FILE names. The error shows the path only
// if it is absolute: setting the variable to the secret itself is an easy mistake to make.
func readSecret(variable, file string) (string, error) {
	text, err := readText(file)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok && !filepath.IsAbs(file) {
		return "", fmt.Errorf("%s: the file that it names cannot be read: %w; it takes the path of a file, not the secret itself", variable, pathErr.Err)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("%s: %s is empty", variable, file)
	}
	return text, nil
}
