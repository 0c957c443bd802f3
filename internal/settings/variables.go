package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// variablePrefix begins every variable of ours.
const variablePrefix = "WXLOGIN_"

// ReadVariables gathers the variables of the process and of the file, which is
// not needed to exist. The process's win. One of ours that no setting has is an
// error: a misspelt setting would otherwise be a default that nobody wanted.
func ReadVariables(environ []string, file string) (map[string]string, error) {
	vars, err := readDotenv(file)
	if err != nil {
		return nil, err
	}
	if vars == nil {
		vars = make(map[string]string)
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	known := variableNames()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(known, name) && !secretVariable.MatchString(name) && !ofKubernetes(name, vars[name]) {
			return nil, fmt.Errorf("%s: there is no such setting; see `server serve --help`%s", name, didYouMean(name, known))
		}
	}
	return vars, nil
}

// Kubernetes tells every pod of a namespace of its Services by variables, in forms
// of its own and of Docker's links (Kubernetes documentation, "Service",
// "Environment variables"). A Service called wxlogin or wxlogin-anything makes them
// look like ours.
var serviceVariables = []struct{ name, value *regexp.Regexp }{
	{regexp.MustCompile(`_SERVICE_HOST$`), regexp.MustCompile(`^[0-9a-fA-F.:]+$`)},
	{regexp.MustCompile(`_SERVICE_PORT(_[0-9A-Z_]+)?$`), regexp.MustCompile(`^\d+$`)},
	{regexp.MustCompile(`_PORT(_\d+_(TCP|UDP|SCTP))?$`), regexp.MustCompile(`^(tcp|udp|sctp)://`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PROTO$`), regexp.MustCompile(`^(tcp|udp|sctp)$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PORT$`), regexp.MustCompile(`^\d+$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_ADDR$`), regexp.MustCompile(`^[0-9a-fA-F.:]+$`)},
}

// ofKubernetes says whether a variable tells of a Service and is no setting of
// anybody's: name and value have the form.
func ofKubernetes(name, value string) bool {
	for _, form := range serviceVariables {
		if form.name.MatchString(name) && form.value.MatchString(value) {
			return true
		}
	}
	return false
}

// variableNames are the variables of all settings, with the _FILE forms.
func variableNames() []string {
	var names []string
	of := reflect.TypeFor[Settings]()
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() {
			continue
		}
		name := variableOf(field.Tag.Get("name"))
		names = append(names, name)
		if _, secret := field.Tag.Lookup("secret"); secret {
			names = append(names, name+"_FILE")
		}
	}
	return names
}

// secretNames are the flags of the settings that are secret.
func secretNames() []string {
	var names []string
	of := reflect.TypeFor[Settings]()
	for i := range of.NumField() {
		tag := of.Field(i).Tag
		if _, secret := tag.Lookup("secret"); secret {
			names = append(names, tag.Get("name"))
		}
	}
	return names
}

// variableOf is the variable of a flag: public-url is WXLOGIN_PUBLIC_URL.
func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// didYouMean points at a setting of almost the same letters.
func didYouMean(name string, known []string) string {
	plain := func(s string) string {
		letters := []rune(strings.NewReplacer("_", "", "S", "").Replace(s))
		slices.Sort(letters)
		return string(letters)
	}
	for _, candidate := range known {
		if plain(candidate) == plain(name) {
			return ". Did you mean " + candidate + "?"
		}
	}
	return ""
}

// Resolver gives kong the value of a flag that was not typed: from its
// variable, or from the file that the variable with _FILE names.
func Resolver(vars map[string]string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if !flag.Tag.Has("setting") {
			return nil, nil
		}
		name := variableOf(flag.Name)
		value, set := vars[name]
		if flag.Name == "time-zone" {
			fallback, err := timeZone(vars["TZ"])
			if err != nil || value != "" {
				return value, err
			}
			return fallback, nil
		}
		file := vars[name+"_FILE"]
		if !flag.Tag.Has("secret") || file == "" {
			if !set || value == "" {
				return nil, nil
			}
			return value, nil
		}
		if set && value != "" {
			return nil, fmt.Errorf("%s and %s_FILE are both set; keep one", name, name)
		}
		return readSecret(name+"_FILE", file)
	})
}

// NameVariable lets an error of a flag's value name the setting by its variable,
// as all other errors do: kong does not know where a value came from.
func NameVariable(err error) error {
	flag, text, ok := strings.Cut(strings.TrimPrefix(err.Error(), "--"), ": ")
	if !ok || !slices.Contains(variableNames(), variableOf(flag)) {
		return err
	}
	if strings.HasPrefix(text, "TZ: ") { // it stands in for the setting
		return errors.New(text)
	}
	if strings.HasPrefix(text, "expected duration") {
		text += "; the form is 720h or 90m"
	}
	return Errorf(flag, "%s", text)
}

// HelpWithVariable adds its variable to the help of a setting.
func HelpWithVariable(value *kong.Value) string {
	if !value.Tag.Has("setting") {
		return value.Help
	}
	help, opening, comma, closing := strings.TrimSuffix(value.Help, "."), " (", ", ", ")."
	if chinese, ok := strings.CutSuffix(value.Help, "。"); ok {
		help, opening, comma, closing = chinese, "（", "、", "）。"
	}
	names := "$" + variableOf(value.Name)
	if value.Tag.Has("secret") {
		names += comma + names + "_FILE"
	}
	return help + opening + names + closing
}
