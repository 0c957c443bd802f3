package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"wxlogin/internal/auth"
)

// idTokenLifetime is how long an ID token is valid.
const idTokenLifetime = time.Hour

// claimNames are all claims that we use, for discovery.
var claimNames = []string{
	"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr",
	"name", "preferred_username", "picture", "updated_at", "gender", "locale", "email", "groups", "wechat",
}

// personClaims returns the claims about a person, which are the same in userinfo and in the ID
// token: many applications read only one of the two. Unknown values are left out, and so
// are claims that the application was allowed only after this grant was given.
func (s *Server) personClaims(ctx context.Context, g *auth.Granted) map[string]any {
	u := &g.User
	claims := map[string]any{"sub": u.ID}
	if g.Grant.Has(auth.ScopeProfile) {
		s.profileClaims(claims, u)
	}
	if g.Grant.Has(auth.ScopeEmail) && g.Client.Email {
		// email_verified is left out: with false, some applications refuse people, and true
		// would be a lie by which others join accounts.
		claims["email"] = u.ID + "@" + s.config.EmailDomain
	}
	if g.Grant.Has(auth.ScopeGroups) {
		claims["groups"] = append([]string{}, u.Groups...)
	}
	if g.Grant.Has(auth.ScopeWeChat) && g.Client.WeChat {
		wechat := map[string]any{"appid": u.AppID, "openid": u.OpenID}
		if u.UnionID != "" {
			wechat["unionid"] = u.UnionID
		}
		if g.Grant.Has(auth.ScopeFollows) {
			s.subscribedClaim(ctx, wechat, u)
		}
		claims["wechat"] = wechat
	}
	return claims
}

func (s *Server) profileClaims(claims map[string]any, u *auth.User) {
	// Lower-case ASCII that never changes: some applications accept no other user names.
	// These are the random characters of the id.
	claims["preferred_username"] = "wx_" + u.ID[max(0, len(u.ID)-12):]
	if u.Nickname != "" {
		claims["name"] = u.Nickname
	}
	if u.AvatarURL != "" {
		claims["picture"] = s.pictureURL(u.ID)
	}
	if !u.ProfileUpdatedAt.IsZero() {
		claims["updated_at"] = u.ProfileUpdatedAt.Unix()
	}
	switch u.Sex {
	case 1:
		claims["gender"] = "male"
	case 2:
		claims["gender"] = "female"
	}
	if u.Language != "" {
		claims["locale"] = strings.ReplaceAll(u.Language, "_", "-")
	}
}

// idClaims returns the claims of an ID token: about the person, the login, and the access
// token that it comes with. Only the first ID token has the nonce.
func (s *Server) idClaims(ctx context.Context, t *auth.Tokens, first bool) map[string]any {
	now := s.now()
	claims := s.personClaims(ctx, &t.Granted)
	claims["iss"] = s.issuer()
	claims["aud"] = t.Client.ID
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(idTokenLifetime).Unix()
	claims["auth_time"] = t.Grant.SignedInAt.Unix()
	claims["sid"] = t.Grant.SessionID
	sum := sha256.Sum256([]byte(t.Access))
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	claims["amr"] = methods(t.Grant.Method)
	if first && t.Grant.Nonce != "" {
		claims["nonce"] = t.Grant.Nonce
	}
	return claims
}

// methods returns how a person has signed in (RFC 8176 has no values for this).
func methods(scope auth.Scope) []string {
	switch scope {
	case auth.ScopeBase:
		return []string{"wechat", "silent"}
	case auth.ScopeUserinfo:
		return []string{"wechat", "consent"}
	case auth.ScopeScan:
		return []string{"wechat", "scan"}
	}
	return []string{"wechat"}
}

// pictureURL returns the address of a person's picture for applications. It works without our
// cookie, unless the person is blocked or erased. It contains a key, so that nobody can
// guess the addresses of others.
func (s *Server) pictureURL(userID string) string {
	return s.site.absolute("/oidc/picture/" + userID + "/" + s.pictureKeys().of(userID))
}

func (s *Server) pictureKeys() marks { return marks{s.config.Keys, "oidc/picture", 16} }

// clientPicture serves a person's picture to applications.
func (s *Server) clientPicture(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "user")
	if !s.pictureKeys().holds(chi.URLParam(r, "key"), id) {
		return auth.Fail(auth.NoSuchPage, nil)
	}
	user, err := s.people.User(r.Context(), id)
	switch {
	case auth.ReasonOf(err) == auth.NoSuchUser || err == nil && user.Blocked:
		return auth.Fail(auth.NoSuchPage, nil)
	case err != nil:
		return err
	}
	picture, err := s.picture(r.Context(), id)
	if err != nil {
		return err
	}
	s.servePicture(w, r, picture, "private, max-age=300")
	return nil
}
