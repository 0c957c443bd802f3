package settings

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// secretPrefix begins the variables of the accounts' AppSecrets: WXLOGIN_APPSECRET_SHOP is
// that of the account shop.
const secretPrefix = variablePrefix + "APPSECRET_"

var (
	accountForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)
	// nameForm is what an operator may call an Open Platform account or a back end.
	nameForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,31}$`)
	// secretVariable matches the variable of an account's secret. No account can be called
	// file, so that WXLOGIN_APPSECRET_FILE is always main's.
	secretVariable = regexp.MustCompile(`^` + secretPrefix + `([A-Z][A-Z0-9]{0,15})(_FILE)?$`)
)

// accountVariables returns the variables that hold secrets of accounts, or name files that
// hold them.
func accountVariables(vars map[string]string) map[string]string {
	secrets := make(map[string]string)
	for name, value := range vars {
		if value != "" && secretVariable.MatchString(name) && name != secretPrefix+"FILE" {
			secrets[name] = value
		}
	}
	return secrets
}

// SecretVariable returns the name of the variable of an account's secret.
func SecretVariable(account string) string { return secretPrefix + strings.ToUpper(account) }

// parseAccounts reads all accounts, main first, and their secrets by the account's name.
// The error has a line for every mistake.
func (s *Settings) parseAccounts() ([]auth.Account, map[string]auth.Secret, error) {
	var errs []error
	badSetting := func(flag, format string, args ...any) { errs = append(errs, Errorf(flag, format, args...)) }
	main := auth.Account{Name: auth.MainAccount, Kind: auth.OfficialAccount, AppID: s.AppID, Group: s.Group}
	if s.Group != "" && !nameForm.MatchString(s.Group) {
		badSetting("group", "%q is not a name of 1 to 32 letters, digits, - or _", s.Group)
	}
	accounts, secrets := []auth.Account{main}, map[string]auth.Secret{auth.MainAccount: auth.Secret(s.AppSecret)}
	for _, item := range List(s.Accounts) {
		account, err := parseAccount(item)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, other := range accounts {
			switch {
			case other.Name == account.Name:
				badSetting("accounts", "the account %s is there twice", account.Name)
			case other.AppID == account.AppID:
				badSetting("accounts", "the AppID %s is that of the accounts %s and %s; each has its own", account.AppID, other.Name, account.Name)
			}
		}
		accounts = append(accounts, account)
	}
	for _, account := range accounts[1:] {
		secret, err := s.accountSecret(account.Name)
		if err != nil {
			errs = append(errs, err)
		}
		secrets[account.Name] = secret
	}
	for _, variable := range slices.Sorted(maps.Keys(s.accountSecrets)) {
		name := strings.ToLower(secretVariable.FindStringSubmatch(variable)[1])
		if !slices.ContainsFunc(accounts[1:], func(a auth.Account) bool { return a.Name == name }) && !mentioned(s.Accounts, name) {
			err := fmt.Errorf("%s: WXLOGIN_ACCOUNTS names no account %q", variable, name)
			if name == auth.MainAccount {
				err = fmt.Errorf("%w; that of main is WXLOGIN_APPSECRET", err)
			}
			errs = append(errs, err)
		}
	}
	return accounts, secrets, errors.Join(errs...)
}

// mentioned reports whether a list of accounts has an item of this name, even a malformed
// one: its own error suffices, and its secret is not superfluous.
func mentioned(accounts, name string) bool {
	return slices.ContainsFunc(List(accounts), func(item string) bool { return item == name || strings.HasPrefix(item, name+":") })
}

// parseAccount reads one account: name:kind:appid@group.
func parseAccount(item string) (auth.Account, error) {
	const form = "name:kind:appid@group, for example shop:oa:wx0123456789abcdef@acme"
	invalid := func(format string, args ...any) (auth.Account, error) {
		// Errorf would take the part before @ for a user's name and cut it off.
		return auth.Account{}, fmt.Errorf("%s: %s", variableOf("accounts"), fmt.Sprintf(format, args...))
	}
	parts := strings.Split(item, ":")
	if len(parts) != 3 {
		return invalid("%q has not the three parts of %s", item, form)
	}
	name, kind := parts[0], auth.AccountKind(parts[1])
	appID, group, bound := strings.Cut(parts[2], "@")
	switch {
	case !accountForm.MatchString(name):
		return invalid("the name %q of %q is not of 1 to 16 small letters and digits, a letter first", name, item)
	case name == auth.MainAccount:
		return invalid("main in %q is the account of WXLOGIN_APPID; choose another name", item)
	case name == "file":
		return invalid("file in %q cannot be a name: WXLOGIN_APPSECRET_FILE is that of main; choose another", item)
	case !slices.Contains([]auth.AccountKind{auth.OfficialAccount, auth.WebsiteAccount, auth.MiniProgram}, kind):
		return invalid("the kind %q of %q is not one of oa, website, mini", string(kind), item)
	case !appIDForm.MatchString(appID):
		return invalid("%q of %q is not an AppID; it looks like wx0123456789abcdef: wx and 16 letters or digits", appID, item)
	case bound && !nameForm.MatchString(group):
		return invalid("the group %q of %q is not a name of 1 to 32 letters, digits, - or _; leave @ out for an account that is bound to no Open Platform account", group, item)
	}
	return auth.Account{Name: name, Kind: kind, AppID: appID, Group: group}, nil
}

// accountSecret reads the AppSecret of an account from its variable, or from the file that
// the variable with _FILE names.
func (s *Settings) accountSecret(account string) (auth.Secret, error) {
	name := SecretVariable(account)
	secret, file := s.accountSecrets[name], s.accountSecrets[name+"_FILE"]
	switch {
	case secret != "" && file != "":
		return "", fmt.Errorf("%s and %s_FILE are both set; keep one", name, name)
	case secret == "" && file == "":
		return "", Errorf("accounts", "the account %s has no secret; set %s, or %s_FILE with the path of a file that holds it", account, name, name)
	case file != "":
		var err error
		if secret, err = readSecret(name+"_FILE", file); err != nil {
			return "", err
		}
	}
	if !plainSecret(secret) {
		return "", fmt.Errorf("%s: holds a space or a character that no AppSecret has; it is 32 letters and digits", name)
	}
	return auth.Secret(secret), nil
}

// plainSecret reports whether a text has only characters that an AppSecret and a header can
// hold.
func plainSecret(secret string) bool {
	return !strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' })
}

// parseAccountHosts reads the account by which people of each host sign in.
func (s *Settings) parseAccountHosts(public *url.URL, accounts []auth.Account) (map[string]string, error) {
	const flag = "account-hosts"
	var errs []error
	hosts := make(map[string]string)
	for _, item := range List(s.AccountHosts) {
		host, name, ok := strings.Cut(item, "=")
		i := slices.IndexFunc(accounts, func(a auth.Account) bool { return a.Name == name })
		switch {
		case !ok || host == "" || name == "":
			errs = append(errs, Errorf(flag, "%q is not host=account, for example shop.example.com=shop", item))
		case hosts[host] != "":
			errs = append(errs, Errorf(flag, "the host %s is there twice", host))
		case public != nil && !strings.EqualFold(host, public.Host) && !slices.Contains(List(s.ReturnHosts), host):
			errs = append(errs, Errorf(flag, "%q is neither the host of WXLOGIN_PUBLIC_URL nor in WXLOGIN_RETURN_HOSTS, so that no login leads there%s", host, hostHint(host)))
		case i < 0:
			errs = append(errs, Errorf(flag, "%q names an account that is not in WXLOGIN_ACCOUNTS", item))
		case !accounts[i].SignsInPages():
			errs = append(errs, Errorf(flag, "%q names a mini program, which signs nobody in to a page", item))
		default:
			hosts[host] = name
		}
	}
	return hosts, errors.Join(errs...)
}

// parseAdmins reads who may enter the admin pages: openid, or account:openid.
func (s *Settings) parseAdmins(accounts []auth.Account) ([]string, error) {
	var errs []error
	admins := List(s.Admins)
	for _, who := range admins {
		name, openID, other := strings.Cut(who, ":")
		if !other {
			name, openID = auth.MainAccount, who
		}
		switch {
		case !slices.ContainsFunc(accounts, func(a auth.Account) bool { return a.Name == name }):
			errs = append(errs, Errorf("admins", "%q names an account that is not in WXLOGIN_ACCOUNTS", who))
		case CheckOpenID(openID) != nil:
			errs = append(errs, Errorf("admins", "%q is not an openid; it is 28 letters, digits, - or _, and begins with o", openID))
		}
	}
	return admins, errors.Join(errs...)
}

// CheckOpenID returns an error that says what is wrong with an openid.
func CheckOpenID(openID string) error {
	if !openIDForm.MatchString(openID) {
		return fmt.Errorf("%q is not an openid; it is 28 letters, digits, - or _, and begins with o", openID)
	}
	return nil
}

// IsAppID reports whether a text looks like an AppID.
func IsAppID(text string) bool { return appIDForm.MatchString(text) }

// verifyForm matches the names that WeChat gives its check files: MP_verify_….txt for a
// domain, and letters and digits alone for a mini program's business domain. A path or
// robots.txt never matches.
var verifyForm = regexp.MustCompile(`^((MP|WW)_verify_[0-9A-Za-z]{1,64}|[0-9A-Za-z]{8,64})\.txt$`)

// ReadVerifyFiles reads the files that WeChat requests to verify a domain, by name.
func (s *Settings) ReadVerifyFiles() (map[string][]byte, error) {
	const flag = "verify-file"
	var errs []error
	files := make(map[string][]byte)
	for _, path := range List(s.VerifyFile) {
		name := filepath.Base(path)
		if !verifyForm.MatchString(name) {
			errs = append(errs, Errorf(flag, "%q is not named MP_verify_….txt, nor by 8 letters and digits or more, as WeChat's console gave it", name))
			continue
		}
		if _, ok := files[name]; ok {
			errs = append(errs, Errorf(flag, "%s is there twice", name))
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, Errorf(flag, "%v", err))
			continue
		}
		files[name] = content
	}
	return files, errors.Join(errs...)
}
