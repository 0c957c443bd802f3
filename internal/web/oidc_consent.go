package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"wxlogin/internal/auth"
)

// clientConsentPage asks a person whether an application may be told who they are.
type clientConsentPage struct {
	User    auth.User
	Name    string // of the application
	Host    string // where it is; empty: on the person's own machine
	Profile bool   // what goes over, besides a number of ours
	Email   bool
	WeChat  bool
	Follows bool // whether they follow the account
	Groups  bool
	Offline bool // also when the person is not there
	Action  string
	Query   string // of the request, to come back with the answer
	Asked   string // about whom the page says what goes over; likewise
}

func (clientConsentPage) file() string { return "client_consent" }

// onwardPage leads on after a form: browsers hold what a form leads to against our own
// policy, and would not go to another site.
type onwardPage struct {
	// Href is our own, or at an address that the client has registered, whatever its
	// scheme.
	Href template.URL
}

func (onwardPage) file() string { return "onward" }

func (s *Server) askConsent(a *authorization, visit *auth.Visit) clientConsentPage {
	scopes := s.grants.AsksFor(&a.client, a.scopes)
	has := func(scope string) bool { return slices.Contains(scopes, scope) }
	return clientConsentPage{
		User: visit.User, Name: a.client.Name, Host: a.client.Host(),
		Profile: has(auth.ScopeProfile), Email: has(auth.ScopeEmail), Groups: has(auth.ScopeGroups), Offline: has(auth.ScopeOffline),
		WeChat: has(auth.ScopeWeChat), Follows: has(auth.ScopeFollows), Action: s.site.prefix + "/oidc/consent", Query: a.query + markOn(a.mark), Asked: strings.Join(append([]string{visit.User.ID}, scopes...), " "),
	}
}

func markOn(mark string) string {
	if mark == "" {
		return ""
	}
	return markParameter + mark
}

// agree takes the answer.
func (s *Server) agree(w http.ResponseWriter, r *http.Request) error {
	answer := r.PostForm.Get("answer")
	if answer != "yes" && answer != "no" {
		return auth.Failf(auth.BadRequest, "neither yes nor no")
	}
	a, err := s.readAuthorization(r.Context(), r.PostForm.Get("query"))
	if refused, ok := errors.AsType[*refusal](err); ok {
		return s.page(w, r, onwardPage{template.URL(s.refusalAddress(refused))})
	}
	if err != nil {
		return err
	}
	if answer == "no" {
		return s.page(w, r, onwardPage{template.URL(s.refusalAddress(&refusal{a, "access_denied", "the person has said no"}))})
	}
	visit, err := s.visitor(r)
	if auth.ReasonOf(err) == auth.NotSignedIn { // any more; the way through a login is by GET
		return s.page(w, r, onwardPage{template.URL(s.site.prefix + "/oidc/authorize?" + a.query)})
	}
	if err != nil {
		return err
	}
	// While the person read the page, what the application may have was changed, or
	// somebody else has signed in in this browser.
	if question := s.askConsent(a, visit); r.PostForm.Get("asked") != question.Asked {
		return s.page(w, r, question)
	}
	if err := s.grants.Agree(r.Context(), &a.client, visit.User.ID, a.scopes); err != nil {
		return err
	}
	query := a.query
	if a.consent { // they just have
		query = withoutConsent(query)
	}
	return s.page(w, r, onwardPage{template.URL(s.site.prefix + "/oidc/authorize?" + query + s.markAgain(a, query, visit))})
}

// markAgain keeps a login that was of this moment from being asked for again.
func (s *Server) markAgain(a *authorization, query string, visit *auth.Visit) string {
	if !s.fresh(a.mark, a.query, visit) {
		return ""
	}
	text := a.mark[:strings.LastIndex(a.mark, ".")] // when, and which session did not count
	return markParameter + text + "." + s.freshMarks().of(text+"\n"+query)
}

// withoutConsent takes prompt=consent out of a query.
func withoutConsent(query string) string {
	values, _ := url.ParseQuery(query) // it has been read before
	prompts := slices.DeleteFunc(strings.Fields(values.Get("prompt")), func(prompt string) bool { return prompt == "consent" })
	return withPrompt(query, strings.Join(prompts, " "))
}

// withPrompt gives a query another prompt; empty: none.
func withPrompt(query, prompt string) string {
	values, _ := url.ParseQuery(query) // it has been read before
	values.Del("prompt")
	if prompt != "" {
		values.Set("prompt", prompt)
	}
	return values.Encode()
}
