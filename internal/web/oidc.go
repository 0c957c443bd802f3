package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// OpenID Connect: how other applications sign people in. oidc_authorize.go is the part that
// people see, oidc_token.go the part that applications call.

// IDTokens signs ID tokens, verifies them, and publishes the keys. Its errors are StoreDown,
// or unexpected, unless said otherwise.
type IDTokens interface {
	// Sign makes a token of a type (JWT) from claims, with an algorithm.
	Sign(ctx context.Context, alg auth.Alg, typ string, claims any) (string, error)
	// Ensure makes the first key of an algorithm if it has none.
	Ensure(ctx context.Context, alg auth.Alg) error
	// Verify returns the payload of a token that was signed here, expired or not.
	// BadRequest for any other.
	Verify(ctx context.Context, token string) (payload []byte, err error)
	// Public returns the set of keys, as JSON.
	Public(ctx context.Context) ([]byte, error)
}

// protocolError is an error in the terms of the protocol, for an application that calls us.
type protocolError struct {
	status      int    // of the response
	code        string // invalid_grant …
	description string // in ASCII, for the application's developers
	guessed     bool   // the call had a wrong credential, which may be a guess
}

func (e *protocolError) Error() string { return e.code + ": " + e.description }

// refuseCall returns a protocolError with status 400.
func refuseCall(code, description string) error {
	return auth.Fail(auth.BadRequest, &protocolError{status: http.StatusBadRequest, code: code, description: description})
}

// forApplication says whether a request is a call of an application, which expects errors in
// the form of RFC 6749, 5.2.
func (s *Server) forApplication(r *http.Request) bool {
	switch s.below(r) {
	case "/oidc/token", "/oidc/userinfo", "/oidc/revoke", "/oidc/jwks", "/.well-known/openid-configuration":
		return true
	}
	return false
}

// fromAnywhere says whether a request may come from another site's page: calls of
// applications, which do not depend on our cookies, and forms that are redirected as GET.
func (s *Server) fromAnywhere(r *http.Request) bool {
	switch s.below(r) {
	case "/oidc/authorize", "/oidc/logout":
		return r.Method == http.MethodPost
	}
	return s.forApplication(r)
}

// protocolProblem answers an application's call with an error.
func (s *Server) protocolProblem(w http.ResponseWriter, r *http.Request, status int, kind auth.Kind, err error) {
	e, ok := errors.AsType[*protocolError](err)
	switch {
	case ok:
		status = e.status
	case kind == auth.Unavailable, kind == auth.TooMany:
		e = &protocolError{code: "temporarily_unavailable", description: "try again in a moment"}
	case kind == auth.Internal:
		e = &protocolError{code: "server_error", description: "something went wrong; the log knows it by the X-Request-Id"}
	default:
		e = &protocolError{code: "invalid_request", description: string(auth.ReasonOf(err))}
	}
	h := w.Header()
	if status == http.StatusUnauthorized && s.below(r) != "/oidc/userinfo" {
		h.Set("WWW-Authenticate", `Basic realm="wxlogin"`)
	}
	s.writeJSON(w, r, "application/json", status, map[string]string{"error": e.code, "error_description": e.description})
}

// single returns the parameters of a request, by name. A parameter with several values is
// refused: some parsers take the first, others the last.
func single(values url.Values) (map[string]string, error) {
	one := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) != 1 {
			return nil, refuseCall("invalid_request", "a parameter is there more than once")
		}
		one[name] = all[0]
	}
	return one, nil
}

// cors lets scripts of a client's own pages read the response.
func (s *Server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		h := w.Header()
		h["Vary"] = []string{"Origin"}
		if origin != "" && s.ofClient(r.Context(), origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
				h.Set("Access-Control-Max-Age", "600")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers a CORS preflight request; cors has set the headers.
func (s *Server) preflight(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ofClient says whether an origin is that of a client's redirect URI; false if the database
// does not answer.
func (s *Server) ofClient(ctx context.Context, origin string) bool {
	clients, err := s.admins.Clients(ctx)
	return err == nil && slices.ContainsFunc(clients, func(c auth.Client) bool {
		return slices.Contains(c.Origins(), origin)
	})
}

// issuer returns our issuer identifier: the public URL without a slash at its end.
func (s *Server) issuer() string { return s.site.origin + s.site.prefix }

// discovery serves our metadata (OpenID Connect Discovery 1.0).
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) error {
	at := s.site.absolute
	authentication := []string{"client_secret_basic", "client_secret_post", "none"}
	return s.publish(w, r, map[string]any{
		"issuer":                                         s.issuer(),
		"authorization_endpoint":                         at("/oidc/authorize"),
		"token_endpoint":                                 at("/oidc/token"),
		"userinfo_endpoint":                              at("/oidc/userinfo"),
		"jwks_uri":                                       at("/oidc/jwks"),
		"revocation_endpoint":                            at("/oidc/revoke"),
		"end_session_endpoint":                           at("/oidc/logout"),
		"scopes_supported":                               auth.ClientScopes,
		"claims_supported":                               claimNames,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []auth.Alg{auth.RS256, auth.ES256},
		"token_endpoint_auth_methods_supported":          authentication,
		"revocation_endpoint_auth_methods_supported":     authentication,
		"code_challenge_methods_supported":               []string{"S256"},
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"authorization_response_iss_parameter_supported": true,
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
	})
}

// jwks serves the keys that verify ID tokens.
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) error {
	keys, err := s.idTokens.Public(r.Context())
	if err != nil {
		return err
	}
	return s.publish(w, r, json.RawMessage(keys))
}

// publish answers with JSON that everybody may cache for a while.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, value any) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	s.writeJSON(w, r, "application/json", http.StatusOK, value)
	return nil
}

// withQuery adds parameters to an address that may already have some.
func withQuery(address string, query url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + query.Encode()
	}
	return address + "?" + query.Encode()
}
