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

// shownIdentity is one on an admin page, with the account that it is of.
type shownIdentity struct {
	admin.Identity
	Account auth.Account // the zero Account: of none that is configured
	Lost    lostToken
	Now     time.Time // of the page
}

// Dead says that a token is stored and opens nothing any more.
func (i shownIdentity) Dead() bool {
	return i.Token != nil && (i.Token.DeadReason != "" || !i.Token.EndsAt.After(i.Now))
}

// identitiesPage is how many identities of one person a page shows.
const identitiesPage = 20

// shownIdentities are a page of a person's, the first one first, and how many there are
// on all pages. There is always such a page: who asks for one behind the last gets that.
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

// listIdentities puts the page of identities that was asked for on a person's page.
func (p *adminUserPage) listIdentities(s *Server, r *http.Request) (err error) {
	page, _ := strconv.Atoi(r.URL.Query().Get("identities")) // no number is the first page
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

// lostToken is why a refresh_token is of no use before its time.
type lostToken struct {
	Errcode int64  // WeChat's, or 0
	Meaning string // of that
	Why     string // key of words, where it was no errcode; empty: it is of use
}

var noted = regexp.MustCompile(`errcode (\d+)`)

// lost reads what was noted of a token's end.
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

// unionIDChange is that WeChat has named another unionid for an identity than before.
type unionIDChange struct {
	At      time.Time
	Account auth.Account // of the identity, if that is known
}

// adminBy is a person by the identity that makes them an admin: that which the
// configuration names, if one is, as that cannot be revoked. If none does, they are not,
// and it is the first.
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

// leadOn answers a question about somebody who was not found: whoever has stored the id of
// a person who was joined is led on to the one they are now, at the address with that
// one's id in it. Where there is none, or anything else is wrong, it returns err.
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
