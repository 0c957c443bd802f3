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

// idTokenLifetime is how long an application may take an ID token for news.
const idTokenLifetime = time.Hour

// claimNames are all claims that there are, for discovery.
var claimNames = []string{
	"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr",
	"name", "preferred_username", "picture", "updated_at", "gender", "locale", "email", "groups", "wechat",
}

// personClaims are what an application is told about a person, by userinfo and by the
// ID token alike: many read only one of the two. What is not known is left out, and so
// is what the application was allowed after the person had agreed to this grant.
func (s *Server) personClaims(ctx context.Context, g *auth.Granted) map[string]any {
	u := &g.User
	claims := map[string]any{"sub": u.ID}
	if g.Grant.Has(auth.ScopeProfile) {
		s.profileClaims(claims, u)
	}
	if g.Grant.Has(auth.ScopeEmail) && g.Client.Email {
		// email_verified is left out: false keeps people out of some applications, and
		// true would be a lie that others join accounts by.
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
	// ASCII, in small letters, and the same for ever: some applications take no other
	// names of users. These are the random characters of the id.
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

// idClaims are those of an ID token: of the person, of the login, and of the tokens
// that it comes with. The nonce is for the first one alone.
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

// methods say how somebody has signed in (RFC 8176 has no words for these).
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

// pictureURL is where an application finds a person's picture: without our cookie,
// and for as long as the person is let in. The address has a key in it, so that nobody
// finds those of others.
func (s *Server) pictureURL(userID string) string {
	return s.site.absolute("/oidc/picture/" + userID + "/" + s.pictureKeys().of(userID))
}

func (s *Server) pictureKeys() marks { return marks{s.config.Keys, "oidc/picture", 16} }

// clientPicture is a person's picture for applications.
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
