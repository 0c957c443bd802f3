package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

// door is the handler of the listener. While the database is being opened, which takes
// minutes with a migration of very many people, it answers that the service is starting;
// afterwards it passes requests to the service.
type door struct {
	prefix  string // of the public URL's path, without a slash at its end
	service atomic.Pointer[http.Handler]
	opened  chan struct{} // closed once service is set

	migration atomic.Pointer[store.Migration] // nil: no migration has begun
}

func (d *door) migrates(m store.Migration) { d.migration.Store(&m) }

// openingWait is how long a request waits for the service before it is answered with 503.
// A start without a migration is over by then, so nobody notices it.
const openingWait = 8 * time.Second

func (d *door) open(service http.Handler) {
	d.service.Store(&service)
	close(d.opened)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if service := d.service.Load(); service != nil {
		(*service).ServeHTTP(w, r)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, d.prefix)
	if path != "/healthz" && path != "/readyz" {
		select {
		case <-d.opened:
			(*d.service.Load()).ServeHTTP(w, r)
			return
		case <-time.After(openingWait):
		case <-r.Context().Done():
		}
	}
	h := w.Header()
	h.Set("X-Request-Id", auth.NewID())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if path == "/healthz" {
		h.Set("Content-Type", "application/json; charset=utf-8")
		io.WriteString(w, `{"status":"ok"}`+"\n")
		return
	}
	h.Set("Retry-After", "5")
	if path != "/readyz" && strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, openingPage)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(d.problem())
}

// problem is the problem+json of a starting service, with the progress of its migration.
func (d *door) problem() map[string]any {
	problem := map[string]any{
		"type": "about:blank", "title": http.StatusText(http.StatusServiceUnavailable), "status": http.StatusServiceUnavailable,
		"detail": "The service is starting: the database is being opened and migrated.", "reason": auth.StoreDown,
	}
	if m := d.migration.Load(); m != nil {
		problem["detail"] = fmt.Sprintf("The service is starting: the database is being migrated, %d %% is done.", m.Percent())
		problem["migration"] = map[string]any{"percent": m.Percent(), "rows_done": m.RowsDone, "rows": m.Rows, "version": m.Version, "of": m.To}
	}
	return problem
}

// openingPage is complete in itself: templates and static files are not served yet.
const openingPage = `<!DOCTYPE html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>正在启动</title>
<p>服务正在启动，请稍后刷新。</p>
<p lang="zh-TW">服務正在啟動，請稍後重新整理。</p>
<p lang="en">The service is starting. Please try again in a moment.</p>
</html>
`
