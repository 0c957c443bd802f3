package settings

import (
	"errors"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// leastKey is the shortest key of a back end, in characters.
const leastKey = 32

// parseBackendKeys reads the back ends that may read the accounts' access tokens. No error
// shows a key.
func (s *Settings) parseBackendKeys() ([]auth.BackendKey, error) {
	const flag = "backend-keys"
	var errs []error
	var keys []auth.BackendKey
	for i, item := range List(s.BackendKeys) {
		name, key, ok := strings.Cut(item, ":")
		switch {
		case !ok || !nameForm.MatchString(name):
			errs = append(errs, Errorf(flag, "item %d is not name:key, with a name of 1 to 32 letters, digits, - or _", i+1))
		case len(key) < leastKey:
			errs = append(errs, Errorf(flag, "the key of %s is shorter than %d characters; `openssl rand -hex 24` makes one", name, leastKey))
		case !plainSecret(key):
			errs = append(errs, Errorf(flag, "the key of %s holds a space or a character that no header takes", name))
		case slices.ContainsFunc(keys, func(k auth.BackendKey) bool { return k.Name == name || string(k.Key) == key }):
			errs = append(errs, Errorf(flag, "%s is there twice, or has another's key", name))
		default:
			keys = append(keys, auth.BackendKey{Name: name, Key: auth.Secret(key)})
		}
	}
	return keys, errors.Join(errs...)
}
