package main

import (
	"context"
	"encoding/base64"
	"slices"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
)

const (
	defaultAppAddr = "127.0.0.1:8009"
	sampleName     = "示例应用 Sample app"
)

// sampleClient is an application like any other, for the sample and for what somebody
// develops against the demonstration: at any port, as nobody knows which.
func sampleClient() auth.Client {
	return auth.Client{
		Name: sampleName, Account: auth.MainAccount, Alg: auth.RS256, Native: true,
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://localhost/callback"},
	}
}

// addSample stores the sample's client, unless a folder of --data has it. There its id
// and secret stay, so that what is developed against it goes on working.
func addSample(ctx context.Context, admins *admin.Service, keys auth.Keyring, config settings.Config, home string) (id string, secret auth.Secret, err error) {
	secret = auth.Secret(base64.RawURLEncoding.EncodeToString(keys[0].Subkey("demo/client")))
	client, err := admins.Client(ctx, sampleName)
	if auth.ReasonOf(err) == auth.NoSuchClient {
		client, _, err = admins.AddClient(ctx, admin.CommandLine(), sampleClient(), false)
	}
	if err != nil {
		return "", "", err
	}
	issuer := config.Issuer()
	if client.Issuer == issuer && client.HasSecret(secret) && slices.Contains(client.LogoutURIs, home) {
		return client.ID, secret, nil
	}
	client.Issuer, client.SecretHash = issuer, auth.Hash(secret)
	if !slices.Contains(client.LogoutURIs, home) {
		client.LogoutURIs = append(client.LogoutURIs, home)
	}
	return client.ID, secret, admins.EditClient(ctx, admin.CommandLine(), client)
}
