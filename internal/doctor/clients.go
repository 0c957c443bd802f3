package doctor

import (
	"context"
	"fmt"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/idtoken"
	"wxlogin/internal/store"
)

// judgeClients checks the applications and the keys that sign their tokens. Without
// applications it has no findings.
func (d *doctor) judgeClients(ctx context.Context, db *store.Store) ([]finding, error) {
	clients, err := db.Clients(ctx)
	if err != nil || len(clients) == 0 {
		return nil, err
	}
	keys, err := db.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	var findings []finding
	signs, elsewhere := make(map[auth.Alg]string), make(map[string]int)
	for _, c := range clients {
		if signs[c.Alg] == "" {
			text, fault := judgeKeys(keys, c.Alg, d.now())
			if signs[c.Alg] = text; fault != "" {
				findings = append(findings, finding{warning, "clients", fault,
					"append the old key to WXLOGIN_KEYS and restart, if you have it; else another key signs from the next login on, and applications fetch it by themselves"})
			}
		}
		if issuer := d.config.Issuer(); d.config.PublicURL != nil && c.Issuer != "" && c.Issuer != issuer {
			elsewhere[c.Issuer]++
		}
	}
	for issuer, n := range elsewhere {
		findings = append(findings, finding{warning, "clients", fmt.Sprintf("%d applications know this service as %s, which is not WXLOGIN_PUBLIC_URL", n, issuer),
			"set it back, or set the new issuer in each application and confirm it here: server client edit NAME"})
	}
	if len(findings) > 0 {
		return findings, nil
	}
	text := fmt.Sprintf("%d applications are registered", len(clients))
	for _, alg := range []auth.Alg{auth.RS256, auth.ES256} {
		if signs[alg] != "" {
			text += "; " + signs[alg]
		}
	}
	return one(good, "clients", text, ""), nil
}

// judgeKeys describes the key that signs, and what is wrong with it.
func judgeKeys(keys []auth.SigningKey, alg auth.Alg, now time.Time) (text, fault string) {
	var signing *auth.SigningKey
	for i, key := range keys {
		if key.Alg == alg && !key.Retired && !now.Before(key.SignsAt) {
			signing = &keys[i]
		}
	}
	switch {
	case signing == nil:
		return string(alg) + " has no key yet; the first login makes one", ""
	case signing.Private == "":
		return string(alg), fmt.Sprintf("the %s key %s does not open with WXLOGIN_KEYS", alg, signing.ID[:8])
	}
	return fmt.Sprintf("%s key %s signs until %s", alg, signing.ID[:8], signing.SignsAt.Add(idtoken.RotateEvery).Format(time.DateOnly)), ""
}
