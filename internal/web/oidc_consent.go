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

// clientConsentPage asks a person whether they want to sign in to an application.
type clientConsentPage struct {
	User    auth.User
	Name    string // of the application
	Host    string // of the application; empty: it is on the person's own machine
	Profile bool   // what the application gets besides our id of the person
	Email   bool
	WeChat  bool
	Follows bool // whether they follow the account
	Groups  bool
	Offline bool // also while the person is signed out
	Action  string
	Query   string // of the request; comes back with the answer
	Asked   string // the person and the scopes that the page shows; comes back likewise
}

func (clientConsentPage) file() string { return "client_consent" }

// onwardPage leads on after a form: browsers apply our form-action to redirects after a form,
// and would not go to another site.
type onwardPage struct {
	// Href is an address of ours, or one that the client has registered, with whatever
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

// agree takes the answer of the consent page.
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
	if auth.ReasonOf(err) == auth.NotSignedIn { // not any more; a login is begun by GET
		return s.page(w, r, onwardPage{template.URL(s.site.prefix + "/oidc/authorize?" + a.query)})
	}
	if err != nil {
		return err
	}
	// While the page was open, the application's settings may have changed, or another
	// person may have signed in in this browser.
	if question := s.askConsent(a, visit); r.PostForm.Get("asked") != question.Asked {
		return s.page(w, r, question)
	}
	if err := s.grants.Agree(r.Context(), &a.client, visit.User.ID, a.scopes); err != nil {
		return err
	}
	query := a.query
	if a.consent { // it has just been given
		query = withoutConsent(query)
	}
	return s.page(w, r, onwardPage{template.URL(s.site.prefix + "/oidc/authorize?" + query + s.markAgain(a, query, visit))})
}

// markAgain returns the mark for the changed query, so that a login that was recent enough is
// not asked for again.
func (s *Server) markAgain(a *authorization, query string, visit *auth.Visit) string {
	if !s.fresh(a.mark, a.query, visit) {
		return ""
	}
	text := a.mark[:strings.LastIndex(a.mark, ".")] // the time, and the session that did not satisfy the request
	return markParameter + text + "." + s.freshMarks().of(text+"\n"+query)
}

// withoutConsent removes prompt=consent from a query.
func withoutConsent(query string) string {
	values, _ := url.ParseQuery(query) // it was parsed before
	prompts := slices.DeleteFunc(strings.Fields(values.Get("prompt")), func(prompt string) bool { return prompt == "consent" })
	return withPrompt(query, strings.Join(prompts, " "))
}

// withPrompt replaces the prompt of a query, or removes it.
func withPrompt(query, prompt string) string {
	values, _ := url.ParseQuery(query) // it was parsed before
	values.Del("prompt")
	if prompt != "" {
		values.Set("prompt", prompt)
	}
	return values.Encode()
}
