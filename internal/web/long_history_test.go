package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/auth"
)

const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`

// hoards gives a person live sessions, as from before there was a limit.
func (w *world) hoards(userID string, n int) {
	w.t.Helper()
	now := w.clock.now()
	w.exec(fmt.Sprintf(numbers+` INSERT INTO sessions (id, token_hash, kind, user_id, created_at, last_seen_at, ends_at, remote_addr, user_agent)
		SELECT 'hoard' || i, 'hoard' || i, 'visitor', $1, %d + i, %d + i, %d, '192.0.2.1', 'script' FROM n`,
		n, now.Add(-time.Hour).UnixMilli(), now.Add(-time.Hour).UnixMilli(), now.Add(time.Hour).UnixMilli()), userID)
}

// signedInOften gives a person a history of logins by a browser whose name has so many
// letters.
func (w *world) signedInOften(userID string, n, letters int) {
	w.t.Helper()
	w.exec(fmt.Sprintf(numbers+` INSERT INTO logins (id, appid, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent)
		SELECT 'login' || i, 'wx', '', 'snsapi_base', 'signed_in', '', $1, %d - i * 1000, 0, '192.0.2.1', '%s' FROM n`,
		n, w.clock.now().UnixMilli(), strings.Repeat("x", letters)), userID)
}

// One phone signs desktops in without end: 50 browsers stay signed in, the others
// are signed out at once, the one used least recently first.
func TestSessionLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	token := phone.cookie("wxlogin")
	var desktops []*browser
	for range 60 {
		desktop := w.browser(desktopWeb)
		s := desktop.scans("/")
		phone.confirms(s)
		s.collects("lin") // and has it in the cache
		desktops = append(desktops, desktop)
		w.clock.pass(time.Second)
	}
	// The phone that lets them in is in use, and stays.
	phone.wantMe("lin")
	if phone.cookie("wxlogin") != token {
		t.Error("the phone has lost its session")
	}
	for i, desktop := range desktops {
		want := http.StatusOK
		if i < 60+1-auth.MaxSessions {
			want = http.StatusUnauthorized
		}
		if got := desktop.get("/api/me").Status; got != want {
			t.Errorf("desktop %d: status %d, want %d", i, got, want)
		}
	}
	w.wantSessions("lin", auth.MaxSessions)
	last := desktops[59]
	for lang, want := range map[string]string{"zh-CN": "50 个浏览器", "zh-TW": "50 個瀏覽器", "en": "up to 50 browsers"} {
		last.lang = lang
		last.get("/me").wantPage(http.StatusOK, want)
	}
}

// The pages of somebody with a long past read and show a part of it.
func TestPagesOfALongHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	user := w.user("lin")
	w.hoards(user.ID, 5_000)
	w.signedInOften(user.ID, 5_000, 500)
	w.exec(fmt.Sprintf(numbers+` INSERT INTO events (id, at, actor, action, subject, detail)
		SELECT 'event' || i, %d + i, $1, 'end_session', $1, '' FROM n`, 5_000, w.clock.now().UnixMilli()), user.ID)
	mine := phone.get("/me").wantPage(http.StatusOK, "当前设备")
	if n := strings.Count(mine.Body, "<li"); len(mine.Body) > 200_000 || n > 70 {
		t.Errorf("/me has %d bytes and %d items", len(mine.Body), n)
	}
	admins := w.admin().get("/admin/users/"+user.ID).wantPage(http.StatusOK, "/admin/events?who="+user.ID)
	if len(admins.Body) > 200_000 {
		t.Errorf("the admin's page has %d bytes", len(admins.Body))
	}
	// The next login begins to clear up, and the sweep does the rest.
	phone.signsIn()
	_, err := w.db.Sweep(t.Context(), w.clock.now(), 720*time.Hour)
	check(t, err)
	w.wantSessions("lin", auth.MaxSessions)
	phone.wantMe("lin")
}

// An export has the form that it always had, whatever there is of each list.
func TestExportForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	id := w.user("lin").ID
	for _, less := range []string{"", "logins", "sessions"} {
		if less == "sessions" { // of somebody who is signed in nowhere
			phone.post("/logout", nil)
		} else if less != "" {
			w.exec(`DELETE FROM `+less+` WHERE user_id = $1`, id)
		}
		body := w.admin().get("/api/admin/users/"+id+"/export").wantPage(http.StatusOK, "林小满").Body
		var parts struct {
			User     json.RawMessage   `json:"user"`
			Consent  json.RawMessage   `json:"consent"`
			Sessions []json.RawMessage `json:"sessions"`
			Logins   []json.RawMessage `json:"logins"`
			Events   []json.RawMessage `json:"events"`
			Further  json.RawMessage   `json:"further_identities"`
			Joined   json.RawMessage   `json:"joined"`
			Follows  json.RawMessage   `json:"following"`
			Groups   json.RawMessage   `json:"groups"`
			Apps     json.RawMessage   `json:"applications"`
			Token    json.RawMessage   `json:"refresh_token"`
			Picture  json.RawMessage   `json:"picture"`
		}
		check(t, json.Unmarshal([]byte(body), &parts))
		again, err := json.MarshalIndent(parts, "", "  ")
		check(t, err)
		if string(again)+"\n" != body {
			t.Errorf("without %q the export is\n%s\nand not\n%s", less, body, again)
		}
		if parts.Sessions == nil || parts.Logins == nil || len(parts.Events) == 0 {
			t.Errorf("without %q: %s", less, body)
		}
	}
	w.admin().get("/api/admin/users/nobody/export").wantPage(http.StatusNotFound, "")
}

// asks sends a request for the export and reads the answer's first bytes.
func (b *browser) asksForExport() *bufio.Reader {
	b.w.t.Helper()
	u, err := url.Parse(b.w.url)
	check(b.w.t, err)
	conn, err := net.Dial("tcp", u.Host)
	check(b.w.t, err)
	b.w.t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /api/me/export HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n", u.Host, b.w.cookieName("wxlogin"), b.cookie("wxlogin"))
	check(b.w.t, err)
	read := bufio.NewReader(conn)
	_, err = read.ReadByte()
	check(b.w.t, err)
	return read
}

// An export is written as it is read: of 25 MB, the service holds little while the
// other end takes its time, and what comes is whole.
func TestExportTakesLittleMemory(t *testing.T) {
	w := newWorld(t, options{})
	phone := w.signedIn("lin")
	const logins = 10_000
	w.signedInOften(w.user("lin").ID, logins, 1_000)
	phone.get("/api/me/export").wantPage(http.StatusOK, "") // the connection is there, and what is made once is made
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what the first has found dead in pools
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	const atOnce = 4
	for range atOnce {
		phone.asksForExport()
	}
	if grown := heap() - before; grown > 9*atOnce<<20 { // of 48 MB and more: each has a page of rows in hand, wherever it stands
		t.Errorf("%d exports under way take %d kB", atOnce, grown>>10)
	}
	var whole struct{ Logins []json.RawMessage }
	check(t, json.Unmarshal([]byte(phone.get("/api/me/export").Body), &whole))
	if len(whole.Logins) < logins {
		t.Errorf("%d logins", len(whole.Logins))
	}
}

// Somebody who does not read their export is cut off, and sees that it is not whole; so is
// somebody who reads for longer than it may take.
func TestExportNobodyReads(t *testing.T) {
	for name, patience := range map[string][2]time.Duration{
		"no chunk in time": {2 * time.Second, time.Minute}, // a busy machine needs some of it for the first
		"no end in time":   {time.Minute, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{})
			w.server.SetPatience(patience[0], patience[1])
			phone := w.signedIn("lin")
			w.signedInOften(w.user("lin").ID, 6_000, 5_000) // more than a connection takes
			read := phone.asksForExport()
			for deadline := time.Now().Add(time.Minute); !strings.Contains(w.log.String(), "export aborted"); {
				if time.Now().After(deadline) {
					t.Fatal("it is not cut off")
				}
				time.Sleep(5 * time.Millisecond)
			}
			res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("H"), read)), nil)
			check(t, err)
			if _, err := io.Copy(io.Discard, res.Body); err == nil {
				t.Error("what came looks whole")
			}
		})
	}
}
