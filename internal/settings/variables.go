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

// variablePrefix begins all of our variables.
const variablePrefix = "WXLOGIN_"

// ReadVariables merges the variables of the process and of the file, which need not exist.
// Those of the process take precedence. An unknown variable with our prefix is an error:
// otherwise a misspelt setting would silently stay at its default.
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

// Kubernetes describes the Services of a namespace to its pods in variables, in forms of
// its own and of Docker's links (Kubernetes documentation, "Service", "Environment
// variables"). Those of a Service called wxlogin or wxlogin-anything look like ours.
var serviceVariables = []struct{ name, value *regexp.Regexp }{
	{regexp.MustCompile(`_SERVICE_HOST$`), regexp.MustCompile(`^[0-9a-fA-F.:]+$`)},
	{regexp.MustCompile(`_SERVICE_PORT(_[0-9A-Z_]+)?$`), regexp.MustCompile(`^\d+$`)},
	{regexp.MustCompile(`_PORT(_\d+_(TCP|UDP|SCTP))?$`), regexp.MustCompile(`^(tcp|udp|sctp)://`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PROTO$`), regexp.MustCompile(`^(tcp|udp|sctp)$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PORT$`), regexp.MustCompile(`^\d+$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_ADDR$`), regexp.MustCompile(`^[0-9a-fA-F.:]+$`)},
}

// ofKubernetes reports whether a variable describes a Service: its name and its value have
// such a form, so that it is not a misspelt setting.
func ofKubernetes(name, value string) bool {
	for _, form := range serviceVariables {
		if form.name.MatchString(name) && form.value.MatchString(value) {
			return true
		}
	}
	return false
}

// variableNames returns the variables of all settings, with the _FILE forms.
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

// secretNames returns the flags of the secret settings.
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

// variableOf returns the variable of a flag: WXLOGIN_PUBLIC_URL for public-url.
func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// didYouMean suggests a setting whose name is almost the same.
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

// Resolver gives kong the value of a flag that is not on the command line: from its
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

// NameVariable makes kong's error about a flag's value name the setting by its variable, as
// all other errors do: kong does not know where a value came from.
func NameVariable(err error) error {
	flag, text, ok := strings.Cut(strings.TrimPrefix(err.Error(), "--"), ": ")
	if !ok || !slices.Contains(variableNames(), variableOf(flag)) {
		return err
	}
	if strings.HasPrefix(text, "TZ: ") { // TZ replaces an unset WXLOGIN_TIME_ZONE
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
