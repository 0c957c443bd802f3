package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxlogin/bench/rig"
)

// A trip is the requests of an application to an OpenID provider when a person who is signed
// in there, and has agreed, logs in to the application: a code by the person's browser, tokens
// for the code, and userinfo.

// The steps of a trip.
const (
	authorizeStep = iota
	tokenStep
	userinfoStep
	tripSteps
)

// provider is an OpenID provider to which trips are made.
type provider struct {
	name            string
	target          rig.Target
	host            string
	token, userinfo string // paths
	clientID        string
	secret          string
	workers         []*tripWorker
}

// tripWorker is a browser and the application that it logs in to.
type tripWorker struct {
	browser tripBrowser
	conn    *rig.Conn // of the application
}

// tripBrowser is a browser on its way from the application to the provider and back.
type tripBrowser interface {
	// comes opens the authorize address with this query, and returns where the provider
	// redirects the browser back to.
	comes(query string, deadline time.Time) (location string, err error)
	close()
}

// tripWorkers is the number of browsers that make trips at once.
const tripWorkers = 8

const (
	tripRedirect = "http://127.0.0.1/callback"
	// A PKCE pair (RFC 7636, appendix B).
	tripVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	tripChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// start makes the workers, each with a browser of its own.
func (p *provider) start(browser func(k int) (tripBrowser, error)) error {
	for k := range tripWorkers {
		b, err := browser(k)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.workers = append(p.workers, &tripWorker{b, rig.NewConn(p.target.Address)})
	}
	return nil
}

func (p *provider) close() {
	for _, w := range p.workers {
		w.browser.close()
		w.conn.Close()
	}
}

// tripRound is the result of a number of trips.
type tripRound struct {
	trips int
	took  time.Duration
	cpu   [tripSteps]time.Duration // of the provider's process, for all of them
}

// each returns the processor time of one step, in seconds.
func (r tripRound) each(step int) float64 { return r.cpu[step].Seconds() / float64(r.trips) }

// trip returns the processor time of a whole trip, in seconds.
func (r tripRound) trip() (sum float64) {
	for step := range r.cpu {
		sum += r.each(step)
	}
	return sum
}

func (r tripRound) rate() float64 { return float64(r.trips) / r.took.Seconds() }

// round makes this number of trips, one step of all trips before the next, so that each
// step's processor time can be measured. It returns the access tokens.
func (p *provider) round(ctx context.Context, trips int) (r tripRound, tokens []string, err error) {
	r.trips = trips
	codes, tokens := make([]string, trips), make([]string, trips)
	began := time.Now()
	deadline := began.Add(5 * time.Minute)
	for step, do := range []func(w *tripWorker, i int) error{
		authorizeStep: func(w *tripWorker, i int) (err error) { codes[i], err = p.fetchCode(w, i, deadline); return err },
		tokenStep:     func(w *tripWorker, i int) (err error) { tokens[i], err = p.redeem(w, codes[i], deadline); return err },
		userinfoStep:  func(w *tripWorker, i int) error { return p.ask(w, tokens[i], deadline) },
	} {
		before, _ := rig.CPU(p.target.PID)
		if err := p.spread(ctx, trips, do); err != nil {
			return r, nil, fmt.Errorf("%s: %w", p.name, err)
		}
		after, _ := rig.CPU(p.target.PID)
		r.cpu[step] = after - before
	}
	r.took = time.Since(began)
	return r, tokens, nil
}

// spread has the workers do something n times, in parallel.
func (p *provider) spread(ctx context.Context, n int, do func(*tripWorker, int) error) error {
	failed := make([]error, len(p.workers))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for k, w := range p.workers {
		all.Go(func() {
			for i := k; i < n && ctx.Err() == nil; i += len(p.workers) {
				if failed[k] = do(w, i); failed[k] != nil {
					cancel()
					return
				}
			}
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fetchCode gets a code with a browser.
func (p *provider) fetchCode(w *tripWorker, i int, deadline time.Time) (string, error) {
	state := "state-of-trip-" + strconv.Itoa(i)
	location, err := w.browser.comes(url.Values{
		"client_id": {p.clientID}, "redirect_uri": {tripRedirect}, "response_type": {"code"}, "scope": {"openid profile"},
		"state": {state}, "nonce": {"nonce-of-trip-" + strconv.Itoa(i)}, "code_challenge": {tripChallenge}, "code_challenge_method": {"S256"},
	}.Encode(), deadline)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	code := u.Query().Get("code")
	if !strings.HasPrefix(location, tripRedirect+"?") || code == "" || u.Query().Get("state") != state {
		return "", fmt.Errorf("authorize leads to %q", location)
	}
	return code, nil
}

// redeem exchanges a code for tokens, and returns the access token.
func (p *provider) redeem(w *tripWorker, code string, deadline time.Time) (string, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tripRedirect}, "code_verifier": {tripVerifier}}.Encode()
	request := p.call(http.MethodPost, p.token, "Basic "+base64.StdEncoding.EncodeToString([]byte(p.clientID+":"+p.secret)), form)
	if err := w.conn.Do(request, deadline); err != nil {
		return "", err
	}
	var tokens struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	if err := json.Unmarshal(w.conn.Body, &tokens); err != nil || tokens.Access == "" || strings.Count(tokens.ID, ".") != 2 {
		return "", fmt.Errorf("%s answers %d %.300s", p.token, w.conn.Status, w.conn.Body)
	}
	return tokens.Access, nil
}

// ask calls userinfo and checks the answer.
func (p *provider) ask(w *tripWorker, access string, deadline time.Time) error {
	if err := w.conn.Do(p.userinfoRequest(access), deadline); err != nil {
		return err
	}
	if w.conn.Status != http.StatusOK || !bytes.Contains(w.conn.Body, []byte(`"sub":`)) {
		return fmt.Errorf("%s answers %d %.300s", p.userinfo, w.conn.Status, w.conn.Body)
	}
	return nil
}

func (p *provider) userinfoRequest(access string) []byte {
	return p.call(http.MethodGet, p.userinfo, "Bearer "+access, "")
}

// call builds a request as an application sends it.
func (p *provider) call(method, path, authorization, form string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: application\r\nAccept: application/json\r\nAuthorization: %s\r\n", method, path, p.host, authorization)
	if form != "" {
		fmt.Fprintf(&b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	b.WriteString("\r\n" + form)
	return b.Bytes()
}
