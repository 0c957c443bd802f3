package web

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/internal/auth"
)

// authorization is the request of an application, which a browser brings.
type authorization struct {
	client      auth.Client
	redirectURI string
	state       string
	scopes      []string
	nonce       string
	challenge   string
	silent      bool          // prompt=none: a redirect, and never a page
	login       bool          // prompt=login: a new login, even if a person is signed in
	consent     bool          // prompt=consent: ask, even if the person has agreed before
	maxAge      time.Duration // of the login; negative: any
	subject     string        // of the id_token_hint; empty: anybody
	query       string        // as it was sent, without the mark
	mark        string        // see fresh
}

// refusal is an error that the browser brings to the application.
type refusal struct {
	a           *authorization
	code        string
	description string
}

func (e *refusal) Error() string { return e.code + ": " + e.description }

func (a *authorization) refuse(code, description string) error {
	return auth.Fail(auth.BadRequest, &refusal{a, code, description})
}

// maxAuthorize bounds the query of an authorize address, without an id_token_hint: with the
// mark that we add, the address has to fit into a cookie while the person signs in.
const maxAuthorize = maxReturnTo - 100

// subjectParameter replaces an id_token_hint by its subject in a return address: the token of
// a person in many groups is longer than such an address may be. Others may send it too:
// it gives them nothing, and can only cause a refusal.
const subjectParameter = "wxlogin_subject"

// ofTrip returns the query of the return address of a login.
func (a *authorization) ofTrip() string {
	values, _ := url.ParseQuery(a.query) // it was parsed before
	if !values.Has("id_token_hint") {
		return a.query
	}
	values.Del("id_token_hint")
	values.Set(subjectParameter, a.subject)
	return values.Encode()
}

// maxShownURI bounds how much of an unregistered address is shown, in characters.
const maxShownURI = 200

var (
	challengeForm = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)
	maxAgeForm    = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// readAuthorization reads the query of an authorize address. An error about the client or its
// redirect_uri is shown on a page of ours, because nobody may be redirected before these
// two are checked; any other error is a refusal.
func (s *Server) readAuthorization(ctx context.Context, query string) (*authorization, error) {
	a := &authorization{query: query, maxAge: -1}
	a.query, a.mark = cutMark(query)
	values, err := url.ParseQuery(a.query)
	if err != nil {
		return nil, auth.Fail(auth.BadRequest, err)
	}
	if len(values["client_id"]) != 1 {
		return nil, refuseParameter("client_id", "1")
	}
	if a.client, err = s.grants.Client(ctx, values.Get("client_id")); err != nil {
		return nil, err
	}
	if a.redirectURI = values.Get("redirect_uri"); len(values["redirect_uri"]) != 1 || !a.client.Redirects(a.redirectURI) {
		shown := auth.CleanText(strings.Join(values["redirect_uri"], " "), maxShownURI)
		return nil, auth.Fail(auth.WrongRedirect, badParameter{"redirect_uri", shown + " ≠ " + a.client.Name})
	}
	if len(values["state"]) == 1 {
		a.state = values.Get("state")
	}
	return a, s.readWishes(ctx, a, values)
}

// readWishes reads the other parameters.
func (s *Server) readWishes(ctx context.Context, a *authorization, values url.Values) error {
	one, err := single(values)
	if err != nil {
		return a.refuse("invalid_request", "a parameter is there more than once")
	}
	switch {
	case len(a.query)-len(one["id_token_hint"]) > maxAuthorize:
		return a.refuse("invalid_request", "the request is longer than "+strconv.Itoa(maxAuthorize)+" bytes")
	case one["request"] != "":
		return a.refuse("request_not_supported", "request objects are not read")
	case one["request_uri"] != "":
		return a.refuse("request_uri_not_supported", "request objects are not read")
	case one["response_type"] == "":
		return a.refuse("invalid_request", "there is no response_type")
	case one["response_type"] != "code":
		return a.refuse("unsupported_response_type", "the one response_type is code")
	case one["response_mode"] != "" && one["response_mode"] != "query":
		return a.refuse("invalid_request", "the one response_mode is query")
	case !utf8.ValidString(one["nonce"]) || strings.Contains(one["nonce"], "\x00"):
		return a.refuse("invalid_request", "the nonce is no text, and could not come back as it is")
	case !slices.Contains(strings.Fields(one["scope"]), auth.ScopeOpenID):
		return a.refuse("invalid_scope", "the scope has to contain openid")
	}
	a.scopes, a.nonce = a.client.Scopes(one["scope"]), one["nonce"]
	if err := a.readChallenge(one["code_challenge"], one["code_challenge_method"]); err != nil {
		return err
	}
	if err := a.readPrompt(strings.Fields(one["prompt"]), one["max_age"]); err != nil {
		return err
	}
	a.subject = one[subjectParameter]
	if hint := one["id_token_hint"]; hint != "" {
		claims, err := s.readHint(ctx, hint)
		switch {
		case auth.KindOf(err) == auth.Unavailable:
			return err
		case err != nil || !claims.isFor(a.client.ID):
			return a.refuse("invalid_request", "the id_token_hint is not a token of ours for this client")
		}
		a.subject = claims.Subject
	}
	return nil
}

// readChallenge holds PKCE (RFC 7636) to its one method that protects anybody.
func (a *authorization) readChallenge(challenge, method string) error {
	switch {
	case challenge == "" && method != "":
		return a.refuse("invalid_request", "a code_challenge_method without a code_challenge")
	case challenge == "" && a.client.Public():
		return a.refuse("invalid_request", "a public client has to send a code_challenge")
	case challenge == "":
		return nil
	case method != "S256":
		return a.refuse("invalid_request", "the one code_challenge_method is S256")
	case !challengeForm.MatchString(challenge):
		return a.refuse("invalid_request", "a code_challenge of S256 has 43 letters, digits, - or _")
	}
	a.challenge = challenge
	return nil
}

func (a *authorization) readPrompt(prompts []string, maxAge string) error {
	for _, prompt := range prompts {
		switch prompt {
		case "none":
			a.silent = true
		case "login", "select_account": // the account of the phone is the only one to select
			a.login = true
		case "consent":
			a.consent = true
		default:
			return a.refuse("invalid_request", "the values of prompt are none, login, consent and select_account")
		}
	}
	if a.silent && len(prompts) > 1 {
		return a.refuse("invalid_request", "prompt=none stands alone")
	}
	if maxAge != "" {
		if !maxAgeForm.MatchString(maxAge) {
			return a.refuse("invalid_request", "max_age is a number of seconds")
		}
		seconds, _ := strconv.Atoi(maxAge)
		a.maxAge = time.Duration(seconds) * time.Second
	}
	return nil
}

// hint holds claims of an ID token of ours that an application has sent back.
type hint struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Session  string `json:"sid"`
	Events   any    `json:"events"` // only logout tokens have it, and they are refused
}

func (h *hint) isFor(clientID string) bool { return h.Audience == clientID }

// readHint verifies an ID token, which may have expired. BadRequest when it is not one of
// ours.
func (s *Server) readHint(ctx context.Context, token string) (*hint, error) {
	payload, err := s.idTokens.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil || h.Issuer != s.issuer() || h.Subject == "" || h.Session == "" || h.Events != nil {
		return nil, auth.Failf(auth.BadRequest, "not an ID token of this issuer")
	}
	return &h, nil
}

// answer returns the client's address with the response, a code or an error, and our issuer
// identifier (RFC 9207).
func (s *Server) answer(a *authorization, params url.Values) string {
	if a.state != "" {
		params.Set("state", a.state)
	}
	params.Set("iss", s.issuer())
	return withQuery(a.redirectURI, params)
}

func (s *Server) refusalAddress(e *refusal) string {
	return s.answer(e.a, url.Values{"error": {e.code}, "error_description": {e.description}})
}
