package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// shownIdentity is an identity on an admin page, with its account.
type shownIdentity struct {
	admin.Identity
	Account auth.Account // the zero Account: it is not configured
	Lost    lostToken
	Now     time.Time // of the page
}

// Dead says whether a token is stored that no longer works.
func (i shownIdentity) Dead() bool {
	return i.Token != nil && (i.Token.DeadReason != "" || !i.Token.EndsAt.After(i.Now))
}

// identitiesPage is how many identities of one person a page shows.
const identitiesPage = 20

// shownIdentities returns a page of a person's identities, the first one first, its number,
// and how many there are on all pages. A page behind the last one is the last one.
func (s *Server) shownIdentities(r *http.Request, userID string, page int) (shown []shownIdentity, number, all int, err error) {
	identities, err := s.admins.Identities(r.Context(), userID)
	if err != nil {
		return nil, 0, 0, err
	}
	all = len(identities)
	number = max(1, min(page, (all+identitiesPage-1)/identitiesPage))
	for _, i := range identities[(number-1)*identitiesPage : min(number*identitiesPage, all)] {
		shown = append(shown, shownIdentity{Identity: i, Account: s.rules.Account(i.AppID), Lost: s.lost(r, i.Token), Now: s.now()})
	}
	return shown, number, all, nil
}

// listIdentities puts the requested page of identities on a person's page.
func (p *adminUserPage) listIdentities(s *Server, r *http.Request) (err error) {
	page, _ := strconv.Atoi(r.URL.Query().Get("identities")) // without a number it is the first page
	p.Identities, page, p.IdentityCount, err = s.shownIdentities(r, p.User.ID, page)
	at := func(page int) string {
		return with(s.personURL(r, p.User.ID), "identities", strconv.Itoa(page)) + "#identities"
	}
	if page > 1 {
		p.Further.PrevURL = at(page - 1)
	}
	if page*identitiesPage < p.IdentityCount {
		p.Further.NextURL = at(page + 1)
	}
	return err
}

// lostToken is why a refresh_token died before its time.
type lostToken struct {
	Errcode int64  // WeChat's, or 0
	Meaning string // of the errcode
	Why     string // key of words, if there was no errcode; empty: the token is not dead
}

var noted = regexp.MustCompile(`errcode (\d+)`)

// lost reads the stored reason of a token's death.
func (s *Server) lost(r *http.Request, token *admin.TokenInfo) lostToken {
	if token == nil || token.DeadReason == "" {
		return lostToken{}
	}
	if found := noted.FindStringSubmatch(token.DeadReason); found != nil {
		errcode, err := strconv.ParseInt(found[1], 10, 64)
		if err == nil {
			return lostToken{Errcode: errcode, Meaning: s.meaning(s.renderer.language(r), errcode)}
		}
	}
	if token.DeadReason == string(auth.ScopeBase) {
		return lostToken{Why: "token.base"}
	}
	return lostToken{Why: "token.refused"}
}

// unionIDChange says that WeChat gave another unionid for an identity than before.
type unionIDChange struct {
	At      time.Time
	Account auth.Account // of the identity, if it is configured
}

// adminBy returns the person with the identity that makes them an admin: preferably one that
// the configuration names, because that cannot be revoked. If none does, is is false, and
// the identity is the first.
func (s *Server) adminBy(user auth.User, admins []admin.Admin) (by auth.User, is bool) {
	by = user
	for _, identity := range user.AllIdentities() {
		one := user.By(identity)
		account := s.rules.Account(one.AppID)
		named := slices.ContainsFunc(admins, func(a admin.Admin) bool { return a.Account == account.Name && a.OpenID == one.OpenID })
		if account.Name == "" || !named {
			continue
		}
		if !is || s.admins.Configured(s.admins.NameOf(one)) {
			by, is = one, true
		}
	}
	return by, is
}

// leadOn answers a request for a person who was not found. If id is that of a person who was
// joined to another, it redirects to the address with the other's id in it. Otherwise, and
// for any other err, it returns err.
func (s *Server) leadOn(w http.ResponseWriter, r *http.Request, err error, id, address string) error {
	if auth.ReasonOf(err) != auth.NoSuchUser || strings.Contains(id, ":") {
		return err
	}
	now, lost := s.admins.PersonID(r.Context(), id)
	switch {
	case auth.ReasonOf(lost) == auth.NoSuchUser, lost == nil && now == id:
		return err
	case lost != nil:
		return lost
	}
	return redirect(w, http.StatusFound, s.site.prefix+fmt.Sprintf(address, url.PathEscape(now)))
}
