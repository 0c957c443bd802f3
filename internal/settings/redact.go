package settings

import (
	"net/url"
	"slices"
	"strings"
)

// leastRedacted is the length from which secrets are redacted. A shorter one would match
// parts of ordinary words.
const leastRedacted = 6

// Redactor redacts the secrets among variables and arguments, as a library's error may
// repeat one.
func Redactor(vars map[string]string, args []string) *strings.Replacer {
	return redactor(secretsIn(vars, args)...)
}

// Redactor redacts the secrets among the settings. config is what they were parsed into.
func (s *Settings) Redactor(config Config) *strings.Replacer {
	secrets := []string{s.AppSecret, s.Keys, s.DatabaseURL}
	for _, secret := range config.Secrets {
		secrets = append(secrets, string(secret))
	}
	return redactor(secrets...)
}

// redactor redacts the values of secret settings and the secret parts of them.
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

// secretParts returns the secret parts of a setting's value: the value itself and the keys
// of a list in it, or the passwords of a database URL. A path has none; it is told from a
// list of keys by a dot and the lack of a colon.
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

// secretsIn returns the values of secret settings among variables and arguments.
func secretsIn(vars map[string]string, args []string) []string {
	names := secretNames()
	var values []string
	for _, name := range names {
		values = append(values, vars[variableOf(name)])
	}
	for name, value := range accountVariables(vars) {
		if !strings.HasSuffix(name, "_FILE") { // a path, shown so that a typing mistake can be seen
			values = append(values, value)
		}
	}
	for i, arg := range args {
		flag, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || !slices.Contains(names, flag) {
			continue
		}
		if value == "" && i+1 < len(args) { // also for a stray space after "="
			value, ok = args[i+1], true
		}
		if ok {
			values = append(values, value)
		}
	}
	return values
}
