package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxlogin/internal/auth"
)

// authenticate returns the application that calls: it sends its secret in the header or the
// form, or, if it is public, only its client_id.
func (s *Server) authenticate(r *http.Request) (*auth.Client, map[string]string, error) {
	// ParseForm has ignored any other body, such as JSON.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, nil, refuseCall("invalid_request", "the body has to be a form, of the type application/x-www-form-urlencoded")
	}
	// From the body only: addresses are in logs.
	form, err := single(r.PostForm)
	if err != nil {
		return nil, nil, err
	}
	unknown := auth.Fail(auth.BadRequest, &protocolError{http.StatusUnauthorized, "invalid_client", "there is no such client, or its secret is another", true})
	id, secret := form["client_id"], form["client_secret"]
	if name, password, ok := r.BasicAuth(); ok {
		// Both are form-encoded (RFC 6749, 2.3.1).
		name, errName := url.QueryUnescape(name)
		password, errPassword := url.QueryUnescape(password)
		switch {
		case errName != nil || errPassword != nil || secret != "" || id != "" && id != name, len(r.Header["Authorization"]) > 1:
			return nil, nil, refuseCall("invalid_request", "the client has to say once who it is")
		}
		id, secret = name, password
	} else if r.Header.Get("Authorization") != "" {
		return nil, nil, unknown // Basic is the only scheme (RFC 6749, 5.2)
	}
	client, err := s.grants.Client(r.Context(), id)
	switch {
	case auth.ReasonOf(err) == auth.NoSuchClient:
		return nil, nil, unknown
	case err != nil:
		return nil, nil, err
	case client.Public() != (secret == ""), !client.Public() && !client.HasSecret(auth.Secret(secret)):
		return nil, nil, unknown
	}
	return &client, form, nil
}

// tokenAnswer is the response with tokens (OpenID Connect Core, 3.1.3.3).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// token gives an application tokens for a code or a refresh token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	client, form, err := s.authenticate(r)
	name := ""
	if err == nil {
		name, err = client.Name, s.redeem(w, r, client, form)
	}
	s.observe(name, "token", err)
	return err
}

// observe reports the result of an application's call; name is empty if it is unknown.
func (s *Server) observe(name, step string, err error) {
	result := "given"
	if e, ok := errors.AsType[*protocolError](err); ok {
		result = e.code
	} else if err != nil {
		result = string(auth.ReasonOf(err))
	}
	s.config.Application(name, step, result)
}

// redeem exchanges the application's code or refresh token.
func (s *Server) redeem(w http.ResponseWriter, r *http.Request, client *auth.Client, form map[string]string) (err error) {
	if client.Public() {
		if err := s.guesses.usedUp(w, r); err != nil {
			return err
		}
	}
	// Before the code is spent: without a key there can be no response.
	if err := s.idTokens.Ensure(r.Context(), client.Alg); err != nil {
		return err
	}
	var tokens auth.Tokens
	switch form["grant_type"] {
	case "authorization_code":
		if form["code"] == "" {
			return refuseCall("invalid_request", "there is no code")
		}
		tokens, err = s.grants.Redeem(r.Context(), client, auth.Secret(form["code"]), form["redirect_uri"], form["code_verifier"])
	case "refresh_token":
		if form["refresh_token"] == "" {
			return refuseCall("invalid_request", "there is no refresh_token")
		}
		tokens, err = s.grants.Refresh(r.Context(), client, auth.Secret(form["refresh_token"]))
	case "":
		return refuseCall("invalid_request", "there is no grant_type")
	default:
		return refuseCall("unsupported_grant_type", "the grant types are authorization_code and refresh_token")
	}
	if auth.ReasonOf(err) == auth.NoSuchGrant {
		s.log.InfoContext(r.Context(), "code or refresh token refused", "request_id", requestID(r), "application", client.Name, "error", err)
		return auth.Fail(auth.BadRequest, &protocolError{http.StatusBadRequest, "invalid_grant",
			"it is not good: unknown, used, ended, or given for another client, redirect_uri or verifier", client.Public()})
	}
	if err != nil {
		return err
	}
	first := form["grant_type"] == "authorization_code"
	idToken, err := s.idTokens.Sign(r.Context(), client.Alg, "JWT", s.idClaims(r.Context(), &tokens, first))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, "application/json", http.StatusOK, tokenAnswer{
		AccessToken:  string(tokens.Access),
		TokenType:    "Bearer",
		ExpiresIn:    int(auth.AccessLifetime / time.Second),
		Scope:        strings.Join(client.Scopes(strings.Join(tokens.Grant.Scopes, " ")), " "),
		IDToken:      idToken,
		RefreshToken: string(tokens.Refresh),
	})
	return nil
}

// userinfo answers with the claims about the person of an access token.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) error {
	granted, err := s.bearer(w, r)
	s.observe(granted.Client.Name, "userinfo", err)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, "application/json", http.StatusOK, s.personClaims(r.Context(), &granted))
	return nil
}

// bearer returns the grant of a call's access token.
func (s *Server) bearer(w http.ResponseWriter, r *http.Request) (auth.Granted, error) {
	scheme, access, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	ok = ok && strings.EqualFold(scheme, "Bearer")
	switch form := r.PostForm["access_token"]; {
	case len(form)+len(r.Header["Authorization"]) > 1:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_request"`)
		return auth.Granted{}, refuseCall("invalid_request", "the access token has to come once")
	case len(form) == 1:
		access, ok = form[0], true
	}
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return auth.Granted{}, auth.Fail(auth.BadRequest, &protocolError{http.StatusUnauthorized, "invalid_request", "there is no access token", false})
	}
	granted, err := s.grants.Person(r.Context(), auth.Secret(access))
	if auth.ReasonOf(err) == auth.NoSuchGrant {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return auth.Granted{}, auth.Fail(auth.BadRequest, &protocolError{http.StatusUnauthorized, "invalid_token", "the access token is unknown or has ended", true})
	}
	return granted, err
}

// revoke ends the grant of a token. It is no error if there is nothing to end.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	client, form, err := s.authenticate(r)
	name := ""
	if err == nil {
		name = client.Name
		if form["token"] == "" {
			err = refuseCall("invalid_request", "there is no token")
		} else {
			err = s.grants.Revoke(r.Context(), client, auth.Secret(form["token"]))
		}
	}
	s.observe(name, "revoke", err)
	if err == nil {
		w.WriteHeader(http.StatusOK)
	}
	return err
}
