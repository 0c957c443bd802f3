package main

import (
	"context"
	"fmt"
	"strings"
	"text/template"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/settings"
)

type clientShowCommand struct {
	settings.Settings
	Name string  `arg:"" help:"Its name."`
	For  *string `name:"for" placeholder:"APP" enum:"gitea,grafana,oauth2-proxy,nextcloud,miniflux,authjs,apache" help:"Print the lines to paste into this application: gitea, grafana, oauth2-proxy, nextcloud, miniflux, authjs or apache."`
	JSON bool    `name:"json" help:"Print an object."`
}

func (c *clientShowCommand) Run(ctx context.Context, env *environment) error {
	return withClients(ctx, &c.Settings, func(admins *admin.Service, _ *idtoken.Keys, config settings.Config) error {
		client, err := admins.Client(ctx, c.Name)
		if err != nil {
			return clientError(err)
		}
		shown := show(client, config)
		if c.JSON {
			return printJSON(env.stdout, shown)
		}
		if c.For != nil {
			if client.Public() {
				env.remark("%s is a public client: it has no secret, leave out what stands with CLIENT_SECRET\n", client.Name)
			}
			return recipes.ExecuteTemplate(env.stdout, *c.For, shown)
		}
		for _, line := range shown.lines() {
			fmt.Fprintf(env.stdout, "%s: %s\n", line[0], line[1])
		}
		return nil
	})
}

// clientShown is what show prints of a client.
type clientShown struct {
	Issuer      string    `json:"issuer"`
	Name        string    `json:"name"`
	ID          string    `json:"client_id"`
	Public      bool      `json:"public"`
	Redirects   []string  `json:"redirect_uris"`
	Logouts     []string  `json:"logout_uris"`
	Backchannel string    `json:"backchannel,omitempty"`
	Email       bool      `json:"email"`
	WeChat      bool      `json:"wechat"`
	Trusted     bool      `json:"trusted"`
	Native      bool      `json:"native"`
	Account     string    `json:"account"`
	Alg         auth.Alg  `json:"alg"`
	Groups      []string  `json:"groups"`
	CreatedAt   time.Time `json:"created_at"`
}

func show(c auth.Client, config settings.Config) clientShown {
	return clientShown{
		Issuer: config.Issuer(), Name: c.Name, ID: c.ID, Public: c.Public(),
		Redirects: append([]string{}, c.RedirectURIs...), Logouts: append([]string{}, c.LogoutURIs...), Backchannel: c.Backchannel,
		Email: c.Email, WeChat: c.WeChat, Trusted: c.Trusted, Native: c.Native, Account: c.Account, Alg: c.Alg,
		Groups: append([]string{}, c.Groups...), CreatedAt: c.CreatedAt,
	}
}

func (c clientShown) lines() [][2]string {
	lines := [][2]string{{"issuer", c.Issuer}, {"name", c.Name}, {"client_id", c.ID}}
	for _, uri := range c.Redirects {
		lines = append(lines, [2]string{"redirect_uri", uri})
	}
	for _, uri := range c.Logouts {
		lines = append(lines, [2]string{"logout_uri", uri})
	}
	if c.Backchannel != "" {
		lines = append(lines, [2]string{"backchannel", c.Backchannel})
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"public", c.Public}, {"email", c.Email}, {"wechat", c.WeChat}, {"trusted", c.Trusted}, {"native", c.Native}} {
		lines = append(lines, [2]string{flag.name, yesNo(flag.on)})
	}
	lines = append(lines, [2]string{"account", c.Account}, [2]string{"alg", string(c.Alg)})
	if len(c.Groups) > 0 {
		lines = append(lines, [2]string{"groups", strings.Join(c.Groups, ",")})
	}
	return append(lines, [2]string{"created_at", c.CreatedAt.Format(time.RFC3339)})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Scopes are the scopes that an application requests to get everything that it may have.
func (c clientShown) Scopes() string {
	scopes := "openid profile"
	if c.Email {
		scopes += " email"
	}
	if len(c.Groups) > 0 {
		scopes += " groups"
	}
	return scopes
}

// Redirect is the first redirect URI, and Host its address without the path.
func (c clientShown) Redirect() string { return c.Redirects[0] }

func (c clientShown) Host() string {
	scheme, rest, _ := strings.Cut(c.Redirect(), "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// recipes are the lines to paste into applications. The secret is shown only when a client
// is made, so a placeholder marks its place.
var recipes = template.Must(template.New("").Parse(strings.TrimSpace(`
{{define "gitea" -}}
gitea admin auth add-oauth --name WeChat --provider openidConnect \
  --key {{.ID}} --secret CLIENT_SECRET \
  --auto-discover-url {{.Issuer}}/.well-known/openid-configuration \
  --scopes "{{.Scopes}}"

# app.ini, so that the first login makes the account
[oauth2_client]
ENABLE_AUTO_REGISTRATION = true
USERNAME = preferred_username
{{if not .Email}}# Gitea makes no account without an e-mail address: server client edit "{{.Name}}" --email
{{end}}{{end}}
{{define "grafana" -}}
[auth.generic_oauth]
enabled = true
name = WeChat
client_id = {{.ID}}
client_secret = CLIENT_SECRET
scopes = {{.Scopes}}
auth_url = {{.Issuer}}/oidc/authorize
token_url = {{.Issuer}}/oidc/token
api_url = {{.Issuer}}/oidc/userinfo
use_pkce = true
allow_sign_up = true
login_attribute_path = preferred_username
{{if not .Email}}# Grafana ends a login without an e-mail address: server client edit "{{.Name}}" --email
{{end}}{{end}}
{{define "oauth2-proxy" -}}
provider = "oidc"
oidc_issuer_url = "{{.Issuer}}"
client_id = "{{.ID}}"
client_secret = "CLIENT_SECRET"
redirect_url = "{{.Redirect}}"
scope = "{{.Scopes}}"
code_challenge_method = "S256"
email_domains = ["*"]
{{if not .Email}}oidc_email_claim = "sub"
{{end}}{{end}}
{{define "nextcloud" -}}
php occ user_oidc:provider WeChat \
  --clientid="{{.ID}}" --clientsecret="CLIENT_SECRET" \
  --discoveryuri="{{.Issuer}}/.well-known/openid-configuration" \
  --scope="{{.Scopes}}" --unique-uid=0 --mapping-uid=preferred_username --mapping-display-name=name
{{end}}
{{define "miniflux" -}}
OAUTH2_PROVIDER=oidc
OAUTH2_OIDC_DISCOVERY_ENDPOINT={{.Issuer}}
OAUTH2_CLIENT_ID={{.ID}}
OAUTH2_CLIENT_SECRET=CLIENT_SECRET
OAUTH2_REDIRECT_URL={{.Redirect}}
OAUTH2_USER_CREATION=1
{{end}}
{{define "authjs" -}}
{
  id: "wechat", name: "WeChat", type: "oidc",
  issuer: "{{.Issuer}}",
  clientId: "{{.ID}}",
  clientSecret: process.env.AUTH_WECHAT_SECRET, // CLIENT_SECRET
  authorization: { params: { scope: "{{.Scopes}}" } },
}
{{end}}
{{define "apache" -}}
OIDCProviderMetadataURL {{.Issuer}}/.well-known/openid-configuration
OIDCClientID {{.ID}}
OIDCClientSecret CLIENT_SECRET
OIDCRedirectURI {{.Redirect}}
OIDCScope "{{.Scopes}}"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
OIDCCryptoPassphrase A_LONG_RANDOM_TEXT
# its address for --backchannel: {{.Redirect}}?logout=backchannel
{{end}}
`)))
