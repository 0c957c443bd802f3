package settings

import (
	"net/url"
	"slices"
	"strings"
)

// leastRedacted is the length from which a secret is hidden. A short one would be
// found in every other word.
const leastRedacted = 6

// Redactor hides what is secret among variables and arguments, should a library's error
// repeat it.
func Redactor(vars map[string]string, args []string) *strings.Replacer {
	return redactor(secretsIn(vars, args)...)
}

// Redactor hides what is secret among the settings, which config is the meaning of.
func (s *Settings) Redactor(config Config) *strings.Replacer {
	secrets := []string{s.AppSecret, s.Keys, s.DatabaseURL}
	for _, secret := range config.Secrets {
		secrets = append(secrets, string(secret))
	}
	return redactor(secrets...)
}

// redactor hides the values of secret settings, and the parts of them that are
// secret, should a library's error repeat one.
func redactor(values ...string) *strings.Replacer {
	var pairs []string
	for _, value := range values {
		for _, secret := range secretParts(value) {
			if len(secret) >= leastRedacted {
				pairs = append(pairs, secret, "[redacted]")
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// secretParts is a value of a secret setting, and the keys of a list in it. Of a
// database's address only the password is one, and of its path nothing: a path has a dot,
// and no colon as a list of keys has.
func secretParts(value string) []string {
	if u, err := url.Parse(value); err == nil && strings.Contains(value, "://") {
		password, _ := u.User.Password()
		query := u.Query()
		return []string{password, url.QueryEscape(password), query.Get("password"), query.Get("sslpassword")}
	}
	if strings.HasPrefix(value, "sqlite:") || strings.Contains(value, ".") && !strings.ContainsAny(value, "@:") {
		return nil
	}
	parts := []string{value}
	for _, item := range List(value) {
		if _, encoded, ok := strings.Cut(item, ":"); ok {
			parts = append(parts, encoded)
		}
	}
	return parts
}

// secretsIn are the values of secret settings among variables and arguments.
func secretsIn(vars map[string]string, args []string) []string {
	names := secretNames()
	var values []string
	for _, name := range names {
		values = append(values, vars[variableOf(name)])
	}
	for name, value := range accountVariables(vars) {
		if !strings.HasSuffix(name, "_FILE") { // a path, which whoever mistyped it has to see
			values = append(values, value)
		}
	}
	for i, arg := range args {
		flag, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || !slices.Contains(names, flag) {
			continue
		}
		if value == "" && i+1 < len(args) { // also when a space went wrong after "="
			value, ok = args[i+1], true
		}
		if ok {
			values = append(values, value)
		}
	}
	return values
}
