package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"wxlogin/bench/rig"
)

// oidc measures wxlogin as an OpenID provider: userinfo beside the bare handler, each call
// with a token of its own, and whole trips beside three signatures of RS256 and, on request,
// beside other providers.
func (m *measurement) oidc(ctx context.Context) error {
	s := m.most()
	quick, err := m.application(ctx, s, "Bench ES256", "--alg=ES256")
	if err != nil {
		return err
	}
	defer quick.close()
	// With the cheapest algorithm: calls of userinfo use no signature.
	_, tokens, err := quick.round(ctx, min(m.visitors, s.people))
	if err != nil {
		return err
	}
	if err := m.userinfo(ctx, s, quick, tokens); err != nil {
		return err
	}
	ours, err := m.application(ctx, s, "Bench RS256", "--alg=RS256")
	if err != nil {
		return err
	}
	defer ours.close()
	providers := []*provider{ours}
	for _, start := range m.peers() {
		other, err := start(ctx)
		if other != nil {
			defer other.Kill()
			defer other.close()
			providers = append(providers, other.provider)
		}
		if err != nil {
			return err
		}
	}
	return m.trips(ctx, providers)
}

// peers returns the starts of the other providers that are requested.
func (m *measurement) peers() (starts []func(context.Context) (*peer, error)) {
	if m.withPeer {
		starts = append(starts, m.startPeer)
	}
	if m.hydraDatabase != "" {
		starts = append(starts, m.startHydra)
	}
	return starts
}

// userinfo compares calls of userinfo with the bare handler.
func (m *measurement) userinfo(ctx context.Context, s *stored, p *provider, tokens []string) error {
	conns := rig.Conns(s.service.Address, m.connections)
	defer rig.CloseAll(conns)
	side := rig.Side{Name: s.name(), Target: s.service.Target(), Conns: conns}
	for _, token := range tokens {
		side.Requests = append(side.Requests, rig.Request{Bytes: p.userinfoRequest(token), Status: http.StatusOK, Holds: []byte(`"sub":`)})
	}
	return m.besideBare(ctx, "userinfo", p.userinfo, []rig.Side{side})
}

// trips measures the providers and the signatures in turn.
func (m *measurement) trips(ctx context.Context, providers []*provider) error {
	var signatures []signed
	rounds := make([][]tripRound, len(providers))
	counts := make([]int, len(providers))
	for round := range m.rounds + 1 {
		one, err := signaturesFor(ctx, m.world.Folder, m.round/2)
		if err != nil {
			return err
		}
		if round > 0 {
			signatures = append(signatures, one)
		}
		for i, p := range providers {
			r, _, err := p.round(ctx, max(counts[i], 10*tripWorkers))
			if err != nil {
				return err
			}
			if round > 0 {
				rounds[i] = append(rounds[i], r)
			}
			counts[i] = int(r.rate() * m.round.Seconds()) // so that a round has the usual length
		}
	}
	m.report.trips(providers, signatures, rounds)
	return nil
}

// application adds an application to the service, to which people have agreed.
func (m *measurement) application(ctx context.Context, s *stored, name string, flags ...string) (*provider, error) {
	out, err := m.world.Run(ctx, s.database, append([]string{"client", "add", name, "--json", "--redirect-uri=" + tripRedirect}, flags...)...)
	if err != nil {
		return nil, err
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	visitors := rig.Visitors(s.people, m.visitors)
	if err := rig.Agree(ctx, s.database, made.ID, "openid profile", visitors); err != nil {
		return nil, err
	}
	p := &provider{
		name: "wxlogin, " + s.name(), target: s.service.Target(), host: rig.Host,
		token: "/oidc/token", userinfo: "/oidc/userinfo", clientID: made.ID, secret: made.Secret,
	}
	return p, p.start(func(k int) (tripBrowser, error) {
		return &knownBrowsers{rig.NewConn(s.service.Address), visitors, k}, nil
	})
}

// knownBrowsers is the browsers of people who are signed in to wxlogin, one after the other.
type knownBrowsers struct {
	conn     *rig.Conn
	visitors []int
	next     int
}

func (b *knownBrowsers) comes(query string, deadline time.Time) (string, error) {
	cookie := rig.SessionCookie + "=" + rig.PersonNumber(b.visitors[b.next%len(b.visitors)]).Token
	b.next += tripWorkers // each worker begins at a different visitor
	if err := b.conn.Do(rig.NewRequest(http.MethodGet, "/oidc/authorize?"+query, cookie, nil), deadline); err != nil {
		return "", err
	}
	if b.conn.Status != http.StatusSeeOther {
		return "", fmt.Errorf("/oidc/authorize answers %d %.300s", b.conn.Status, b.conn.Body)
	}
	return rig.Location(b.conn), nil
}

func (b *knownBrowsers) close() { b.conn.Close() }
