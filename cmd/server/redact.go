package main

import (
	"net/url"
	"strings"
)

// leastRedacted is the length from which a secret is hidden. A short one would be
// found in every other word.
const leastRedacted = 6

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
	for _, item := range list(value) {
		if _, encoded, ok := strings.Cut(item, ":"); ok {
			parts = append(parts, encoded)
		}
	}
	return parts
}
