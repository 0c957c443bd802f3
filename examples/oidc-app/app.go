package oidcapp

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

//go:embed page.html style.css
var files embed.FS

// Config configures the application.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	URL          string // of the application, as browsers reach it, without a slash at its end
	Log          *slog.Logger
}

// App is an http.Handler.
type App struct {
	config Config
	client *http.Client
	page   *template.Template
	routes http.Handler
	policy string

	mu       sync.Mutex
	provider *oidc.Provider // nil: not discovered yet
	sessions map[string]*person
}

// person is somebody who has logged in, with what wxlogin says of them.
type person struct {
	Subject string         `json:"-"` // never changes: use it as the key
	Name    string         `json:"name"`
	Picture string         `json:"picture"`
	Told    map[string]any `json:"-"` // in the ID token
	Info    map[string]any `json:"-"` // by userinfo

	idToken string
	ends    time.Time
}

// New makes the application. It makes no request until somebody logs in.
func New(c Config) (*App, error) {
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	page, err := template.New("page.html").Funcs(template.FuncMap{"json": indented}).ParseFS(files, "page.html")
	if err != nil {
		return nil, err
	}
	at := issuer.Scheme + "://" + issuer.Host // serves the pictures, and is the target of the logout form
	a := &App{
		config: c, page: page, sessions: make(map[string]*person),
		client: &http.Client{Timeout: 10 * time.Second},
		policy: "default-src 'none'; style-src 'self'; img-src data: " + at + "; form-action 'self' " + at + "; base-uri 'none'; frame-ancestors 'none'",
	}
	routes := http.NewServeMux()
	routes.Handle("GET /{$}", a.handle(a.home))
	routes.Handle("GET /login", a.handle(a.login))
	routes.Handle("GET /callback", a.handle(a.callback))
	routes.Handle("POST /logout", a.handle(a.logout))
	routes.Handle("GET /style.css", http.FileServerFS(files))
	a.routes = http.NewCrossOriginProtection().Handler(routes)
	return a, nil
}

func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", a.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	a.routes.ServeHTTP(w, r)
}

// home shows the person who is logged in, or the button to log in.
func (a *App) home(w http.ResponseWriter, r *http.Request) error {
	return a.show(w, http.StatusOK, view{Person: a.who(r)})
}

// view is the data of the page: a person, an error, or neither.
type view struct {
	Person  *person
	Refusal *refusal
	Issuer  string
}

func (a *App) show(w http.ResponseWriter, status int, v view) error {
	v.Issuer = a.config.Issuer
	var b bytes.Buffer
	if err := a.page.Execute(&b, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
	return nil
}

// refusal is an error for the visitor, in both languages.
type refusal struct{ Chinese, English string }

func (e refusal) Error() string { return e.English }

// handle shows errors on the page. The details go to the log only, as a library's error may
// repeat its input.
func (a *App) handle(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || errors.Is(err, context.Canceled) {
			return
		}
		refused, ok := errors.AsType[refusal](err)
		status := http.StatusBadRequest
		if !ok {
			status, refused = http.StatusBadGateway, refusal{"登录没有完成，原因在日志里", "The login was not completed; the log knows why"}
			a.config.Log.ErrorContext(r.Context(), "the sample application's login failed", "path", r.URL.Path, "error", err)
		}
		if err := a.show(w, status, view{Refusal: &refused}); err != nil {
			a.config.Log.ErrorContext(r.Context(), "the sample application's page", "error", err)
		}
	})
}

// Sessions are in memory here; a real application has its own.

const sessionCookie = "sample_session"

// beginSession begins a session, always with a new key, so that a key that was planted in
// the browser is worthless.
func (a *App) beginSession(w http.ResponseWriter, p *person) {
	key := rand.Text()
	a.mu.Lock()
	maps.DeleteFunc(a.sessions, func(_ string, p *person) bool { return time.Now().After(p.ends) })
	a.sessions[key] = p
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// who returns the person who is logged in, or nil.
func (a *App) who(r *http.Request) *person {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.sessions[cookie.Value]; p != nil && time.Now().Before(p.ends) {
		return p
	}
	return nil
}

// endSession ends the session and returns its person.
func (a *App) endSession(w http.ResponseWriter, r *http.Request) *person {
	p := a.who(r)
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		a.mu.Lock()
		delete(a.sessions, cookie.Value)
		a.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return p
}

func indented(claims map[string]any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // the template does
	encoder.SetIndent("", "  ")
	err := encoder.Encode(claims)
	return b.String(), err
}
