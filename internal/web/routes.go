package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"wxlogin/internal/auth"
)

// routes lists every route, with its middleware.
func (s *Server) routes() http.Handler {
	root := chi.NewRouter()
	root.Use(s.recoverPanics, s.secureHeaders, s.askAnyMethod, s.limitBody, s.sameOrigin(), s.readForm)
	root.Use(middleware.GetHead) // monitors ask by HEAD
	root.NotFound(s.handle(s.noSuchPage))
	root.MethodNotAllowed(s.handle(s.wrongMethod))
	for name, content := range s.config.RootFiles {
		root.Get("/"+name, rootFile(content)) // WeChat requests it at the root, whatever the prefix
	}

	r := root
	if s.site.prefix != "" {
		r = chi.NewRouter()
		r.Use(middleware.GetHead)
		r.NotFound(s.handle(s.noSuchPage))
		r.MethodNotAllowed(s.handle(s.wrongMethod))
		root.Mount(s.site.prefix, r)
	}

	root.Get("/robots.txt", s.handle(s.robots))
	root.Get("/favicon.ico", s.handle(s.favicon))
	r.Get("/healthz", s.handle(s.healthy))
	r.Get("/readyz", s.handle(s.ready))
	r.Get("/static/{hash}/*", s.handle(s.static))

	// A visitor.
	r.Group(func(r chi.Router) {
		r.Use(s.limit(s.visitBudget(), s.personOf))
		r.With(s.enterHere).Get("/", s.handle(s.home))
		r.Get("/consent", s.handle(s.consent))
		r.Get("/scan/qr.png", s.handle(s.scanPicture))
	})
	own := s.limit(s.ownBudget(), s.personOf)
	few := s.fewAtOnce(2) // exports
	r.Group(func(r chi.Router) {
		r.Use(own)
		r.Get("/me", s.handle(s.myData))
		r.Post("/me/sessions/{session}/end", s.handle(s.endMySession))
		r.Post("/me/apps/{client}/end", s.handle(s.endMyApp))
		r.Post("/me/link", s.handle(s.linkMine))
		r.Post("/me/identities/{identity}/unlink", s.handle(s.unlinkMine))
		r.Get("/erase", s.handle(s.eraseForm))
		r.Post("/api/me/erase", s.handle(s.eraseMe))
		r.Put(ownProfilePath, s.handle(s.saveOwnProfile))
	})
	r.With(s.fromHere, own, few).Get("/api/me/export", s.handle(s.exportMe))
	r.Post("/logout", s.handle(s.logout))
	r.Get("/avatar/{user}", s.handle(s.avatar))
	r.Get("/api/me", s.handle(s.me))

	// For the operator's pages and programs, without a session.
	r.With(s.corsOfPages, s.limit(s.jssdkBudget(), nobody)).Get("/api/jssdk", s.handle(s.jssdk))
	r.With(s.limit(s.jssdkBudget(), nobody)).Get("/api/accounts/{account}/token", s.handle(s.centralToken))

	// Forward auth for other sites. It answers every method, see askAnyMethod, and every
	// path below it: Envoy appends the visitor's path.
	r.Get(verifyPath, s.handle(s.verify))
	r.Get(verifyPath+"/*", s.handle(s.verify))

	// OpenID Connect: the endpoints that applications call …
	r.Group(func(r chi.Router) {
		r.Use(s.cors)
		r.Get("/.well-known/openid-configuration", s.handle(s.discovery))
		r.Get("/oidc/jwks", s.handle(s.jwks))
		r.Post("/oidc/token", s.handle(s.guesses.bound(s.token)))
		r.Get("/oidc/userinfo", s.handle(s.guesses.bound(s.userinfo)))
		r.Post("/oidc/userinfo", s.handle(s.guesses.bound(s.userinfo)))
		r.Post("/oidc/revoke", s.handle(s.guesses.bound(s.revoke)))
		for _, path := range []string{"/.well-known/openid-configuration", "/oidc/jwks", "/oidc/token", "/oidc/userinfo", "/oidc/revoke"} {
			r.Options(path, s.handle(s.preflight))
		}
	})
	r.Get("/oidc/picture/{user}/{key}", s.handle(s.clientPicture))
	// … and where they send people.
	r.Group(func(r chi.Router) {
		r.Use(s.limitRate())
		r.With(s.notByHead).Get("/oidc/authorize", s.handle(s.authorize))
		r.Post("/oidc/authorize", s.handle(s.authorizeByForm))
		r.Post("/oidc/consent", s.handle(s.agree))
		r.With(s.notByHead).Get("/oidc/logout", s.handle(s.clientLogout))
		r.Post("/oidc/logout", s.handle(s.clientLogoutByForm))
		r.Post("/oidc/logout/confirm", s.handle(s.confirmLogout))
	})

	// The way to WeChat and back.
	r.Group(func(r chi.Router) {
		r.Use(s.limitRate())
		r.Group(func(r chi.Router) {
			r.Use(s.enterHere, s.inOwnWindow)
			r.Get("/signin", s.handle(s.signIn))
			r.Get("/login", s.handle(s.login))
			r.Get("/scan", s.handle(s.scan))
		})
		// The state is checked by middleware, so that the handler cannot spend a code for
		// a browser that did not ask for it.
		back := r.With(s.notByHead, s.checkState)
		back.Get("/callback", s.handle(s.callback))
		back.Get("/callback/{account}", s.handle(s.callback))
		r.Get("/admin/link", s.handle(s.adminLink))
		r.Post("/admin/link", s.handle(s.useAdminLink))
		r.With(s.notByHead, addressStays).Get("/scan/{ticket}", s.handle(s.scanTicket))
		r.With(addressStays).Post("/scan/{ticket}", s.handle(s.scanAnswer))
	})

	// Mini programs.
	r.With(s.limitRate(accountOfPath)).Post("/mini/{account}/login", s.handle(s.miniLogin))

	// A desktop that waits for its phone.
	r.Group(func(r chi.Router) {
		r.Use(s.limit(s.waitBudget(), s.ticketOf), addressStays)
		r.With(s.notByHead).Get("/scan/events", s.handle(s.scanEvents))
		r.Get("/scan/status", s.handle(s.scanStatus))
		r.With(s.notByHead).Get("/scan/done", s.handle(s.scanDone))
	})

	// The admin pages.
	r.Group(func(r chi.Router) {
		r.Use(s.admit)
		r.Get("/admin", s.handle(s.adminHome))
		r.Post("/admin/logout", s.handle(s.adminLogout))
		r.Post("/admin/sessions/{session}/end", s.handle(s.endAdminSession))
		r.Get("/admin/events", s.handle(s.adminEvents))
		r.Get("/admin/users", s.handle(s.adminUsers))
		r.Get("/admin/users/{id}", s.handle(s.adminUser))
		r.Post("/admin/users/{id}/block", s.handle(s.adminForm(s.block, "blocked")))
		r.Post("/admin/users/{id}/unblock", s.handle(s.adminForm(s.unblock, "unblocked")))
		r.Post("/admin/users/{id}/sessions/revoke", s.handle(s.adminForm(s.endSessions, "sessions")))
		r.Post("/admin/users/{id}/refresh", s.handle(s.adminRefresh))
		r.Post("/admin/users/{id}/sessions/{session}/revoke", s.handle(s.adminForm(s.endSession, "session")))
		r.Post("/admin/users/{id}/apps/{client}/end", s.handle(s.adminForm(s.endApp, "app")))
		r.Post("/admin/users/{id}/groups/join", s.handle(s.adminForm(s.joinGroup, "group")))
		r.Post("/admin/users/{id}/groups/leave", s.handle(s.adminForm(s.leaveGroup, "group")))
		r.Post("/admin/users/{id}/erase", s.handle(s.adminErase))
		r.Post("/admin/users/{id}/grant", s.handle(s.adminForm(s.change(s.admins.Grant), "granted")))
		r.Post("/admin/users/{id}/revoke", s.handle(s.adminForm(s.change(s.admins.Revoke), "revoked")))
		r.Get("/admin/joins", s.handle(s.adminJoins))
		r.Post("/admin/joins", s.handle(s.adminJoin))
		r.Post("/admin/joins/{join}/undo", s.handle(s.adminUndoJoin))
		r.Get("/admin/clients", s.handle(s.adminClients))
		r.Get("/admin/clients/{client}", s.handle(s.adminClient))
		r.Post("/admin/clients/{client}/people/{id}/end", s.handle(s.endAppHere))
		r.Post("/admin/users/bulk", s.handle(s.adminBulk))
		r.Get("/api/admin/users", s.handle(s.apiUsers))
		export := r.With(s.fromHere, own, few)
		export.Get("/api/admin/users.csv", s.handle(s.apiUsersCSV))
		export.Get("/api/admin/users.json", s.handle(s.apiUsersJSON))
		export.Get("/api/admin/events.csv", s.handle(s.apiEventsCSV))
		export.Get("/api/admin/events.json", s.handle(s.apiEventsJSON))
		r.Get("/api/admin/proposals", s.handle(s.apiProposals))
		r.Post("/api/admin/proposals/dismiss", s.handle(s.apiDismiss))
		r.Get("/api/admin/joins", s.handle(s.apiJoins))
		r.Post("/api/admin/joins", s.handle(s.apiJoin))
		r.Post("/api/admin/joins/{join}/undo", s.handle(s.apiUndoJoin))
		r.Get("/api/admin/users/{id}", s.handle(s.apiUser))
		r.Post("/api/admin/users/{id}/block", s.handle(s.apiAct(s.block)))
		r.Post("/api/admin/users/{id}/unblock", s.handle(s.apiAct(s.unblock)))
		r.Post("/api/admin/users/{id}/sessions/revoke", s.handle(s.apiAct(s.endSessions)))
		export.Get("/api/admin/users/{id}/export", s.handle(s.apiExportUser))
		r.Post("/api/admin/users/{id}/sessions/{session}/revoke", s.handle(s.apiAct(s.endSession)))
		r.Post("/api/admin/users/{id}/refresh", s.handle(s.apiAct(s.refresh)))
		r.Delete("/api/admin/users/{id}", s.handle(s.apiErase))
	})
	s.router = root
	return clientAddress(s.config.TrustedProxies)(s.begin(root))
}

// noSuchPage redirects an address with a superfluous slash at its end, which people type and
// proxies add, to the one without.
func (s *Server) noSuchPage(w http.ResponseWriter, r *http.Request) error {
	address := strings.TrimRight(r.URL.Path, "/")
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && address != r.URL.Path && address != "" &&
		s.router.Match(chi.NewRouteContext(), http.MethodGet, address) {
		address = s.site.origin + (&url.URL{Path: address, RawQuery: r.URL.RawQuery}).String()
		return redirect(w, http.StatusPermanentRedirect, address)
	}
	return auth.Fail(auth.NoSuchPage, nil)
}

// robots keeps search engines away: every page is a person's own.
func (s *Server) robots(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "User-agent: *\nDisallow: "+s.site.prefix+"/\n") // if it fails, the robot has disconnected
	return nil
}

// favicon is for browsers that request it at its usual address.
func (s *Server) favicon(w http.ResponseWriter, r *http.Request) error {
	if !s.assets.serve(w, r, "", "favicon.svg") {
		return auth.Fail(auth.NoSuchPage, nil)
	}
	return nil
}

// wrongMethod answers with the allowed methods (RFC 9110).
func (s *Server) wrongMethod(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		asked := method
		if method == http.MethodHead {
			asked = http.MethodGet
		}
		if s.router.Match(chi.NewRouteContext(), asked, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return auth.Fail(auth.WrongMethod, nil)
}

// notByHead refuses HEAD for a GET that has an effect: nobody would see the result.
func (s *Server) notByHead(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead {
			w.Header().Set("Allow", http.MethodGet)
			return auth.Fail(auth.WrongMethod, nil)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

func rootFile(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(content) // if it fails, the client has disconnected
	}
}

func (s *Server) static(w http.ResponseWriter, r *http.Request) error {
	if !s.assets.serve(w, r, chi.URLParam(r, "hash"), chi.URLParam(r, "*")) {
		return auth.Fail(auth.NoSuchPage, nil)
	}
	return nil
}

// healthy answers as long as the process runs.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request) error {
	return s.json(w, r, map[string]string{"status": "ok"})
}

// ready says whether the process can serve.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if err := s.config.Ready(r.Context()); err != nil {
		return err
	}
	return s.json(w, r, map[string]string{"status": "ready"})
}
