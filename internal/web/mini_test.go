package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/wechat/wechatsim"
)

// Mini programs by what they say of themselves.
const (
	miniIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.59(0x18003b2e) NetType/WIFI Language/zh_CN"
	miniAndroid = "Mozilla/5.0 (Linux; Android 14; 2311DRK48C) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260059 MMWEBSDK/20240501 MicroMessenger/8.0.50 NetType/4G Language/zh_CN miniProgram/wx0123456789abcde3"
)

// mini is a mini program on a person's phone. It has no cookies.
type mini struct {
	*browser
	key   string
	token string
}

func (w *world) mini(key, agent string) *mini { return &mini{browser: w.browser(agent), key: key} }

// said is what the answer to a login tells.
type said struct {
	Token     string         `json:"token"`
	ExpiresAt time.Time      `json:"expires_at"`
	Person    map[string]any `json:"person"`
	New       bool           `json:"new"`
}

// call makes a request as wx.request does: JSON, without Origin.
func (m *mini) call(method, path string, body any) *page {
	m.w.t.Helper()
	text, err := json.Marshal(body)
	check(m.w.t, err)
	if body == nil {
		text = nil
	}
	return m.sends(method, path, text)
}

func (m *mini) sends(method, path string, body []byte) *page {
	m.w.t.Helper()
	p, err := m.trySends(method, path, body)
	check(m.w.t, err)
	return p
}

func (m *mini) trySends(method, path string, body []byte) (*page, error) {
	req, err := http.NewRequest(method, m.resolve(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Referer", "https://servicewechat.com/wx0123456789abcde3/devtools/page-frame.html")
	if m.token != "" {
		req.Header.Set("Authorization", "Bearer "+m.token)
	}
	return m.fetch(req)
}

func (m *mini) code() string { return m.w.sim.WXLogin(m.w.account("app").AppID, m.key) }

// signsIn calls wx.login and takes the token.
func (m *mini) signsIn() said {
	m.w.t.Helper()
	m.token = ""
	p := m.call(http.MethodPost, "/mini/app/login", map[string]string{"code": m.code()}).wantStatus(http.StatusOK)
	var s said
	check(m.w.t, json.Unmarshal([]byte(p.Body), &s))
	m.token = s.Token
	if p.Header.Get("Set-Cookie") != "" {
		m.w.t.Errorf("a mini program gets a cookie: %s", p.Header.Get("Set-Cookie"))
	}
	return s
}

// problem is what a refusal tells.
func (p *page) problem() map[string]any {
	p.t.Helper()
	var told map[string]any
	if err := json.Unmarshal([]byte(p.Body), &told); err != nil || p.Header.Get("Content-Type") != "application/problem+json" {
		p.t.Errorf("status %d, not a problem: %s", p.Status, p.Body)
	}
	return told
}

func TestMiniProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	m := w.mini("lin", miniIPhone)
	first := m.signsIn()
	app := w.account("app")
	if !first.New || first.Person["appid"] != app.AppID || first.Person["openid"] != w.sim.OpenID(app.AppID, "lin") {
		t.Errorf("answered %+v", first)
	}
	if want := w.clock.now().Add(720 * time.Hour); first.ExpiresAt.Sub(want).Abs() > time.Minute {
		t.Errorf("ends at %v, want %v", first.ExpiresAt, want)
	}
	me := m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusOK)
	if !strings.Contains(me.Body, first.Person["id"].(string)) {
		t.Errorf("/api/me: %s", me.Body)
	}
	p := m.call(http.MethodGet, "/verify", nil).wantStatus(http.StatusOK)
	if p.Header.Get("Remote-User") != first.Person["id"] || p.Header.Get("X-Wechat-Openid") != w.sim.OpenID(app.AppID, "lin") {
		t.Errorf("/verify: %v", p.Header)
	}
	for _, path := range []string{"/", "/me", "/api/me/export"} {
		m.call(http.MethodGet, path, nil).wantStatus(http.StatusOK)
	}

	// The same device takes the place of its session, another has its own.
	again := m.signsIn()
	if again.New || again.Person["id"] != first.Person["id"] || again.Token == first.Token {
		t.Errorf("again: %+v", again)
	}
	old := w.mini("lin", miniIPhone)
	old.token = first.Token
	old.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusUnauthorized)
	other := w.mini("lin", miniAndroid)
	other.signsIn()
	m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusOK)
	if sessions := w.sessionIDs(first.Person["id"].(string)); len(sessions) != 2 {
		t.Errorf("%d sessions, want one for each device", len(sessions))
	}
	// Somebody else on the same kind of phone has nothing to do with it.
	w.mini("wang", miniIPhone).signsIn()
	m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusOK)

	// It ends as every session does.
	m.call(http.MethodPost, "/logout", nil).wantStatus(http.StatusNoContent)
	m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusUnauthorized).problem()
	m.call(http.MethodPost, "/logout", nil).wantStatus(http.StatusNoContent)
	other.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusOK)
	m.signsIn()
	m.call(http.MethodPost, "/logout?scope=all", nil).wantStatus(http.StatusNoContent)
	other.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusUnauthorized)

	m.signsIn()
	check(t, w.admins.Block(t.Context(), admin.CommandLine(), first.Person["id"].(string), ""))
	m.call(http.MethodGet, "/verify", nil).wantStatus(http.StatusUnauthorized)
	blocked := m.call(http.MethodPost, "/mini/app/login", map[string]string{"code": m.code()}).wantStatus(http.StatusForbidden).problem()
	if blocked["reason"] != "blocked" {
		t.Errorf("blocked: %v", blocked)
	}
	for _, text := range []string{"session_key", first.Token, m.token} {
		if strings.Contains(w.log.String(), text) || strings.Contains(w.dump(), text) {
			t.Errorf("%q is in the log or the database", text)
		}
	}
}

// A session of a mini program is renewed by use, and ends without.
func TestMiniSessionLasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	m := w.mini("lin", miniIPhone)
	id := m.signsIn().Person["id"].(string)
	for range 4 {
		w.clock.pass(500 * time.Hour)
		m.call(http.MethodGet, "/verify", nil).wantStatus(http.StatusOK)
		for now := w.clock.now(); ; runtime.Gosched() { // it is written in the background
			sessions, err := w.db.UserSessions(t.Context(), id)
			check(t, err)
			if now.Sub(sessions[0].LastSeenAt) < time.Minute {
				break
			}
		}
	}
	w.clock.pass(721 * time.Hour)
	m.call(http.MethodGet, "/verify", nil).wantStatus(http.StatusUnauthorized)
}

// What WeChat says of a code has a status that a mini program can go by.
func TestMiniProgramRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	m := w.mini("lin", miniIPhone)
	for errcode, want := range map[int]struct {
		status int
		reason string
	}{
		40029: {http.StatusUnauthorized, "mini_code_spent"},
		40163: {http.StatusUnauthorized, "mini_code_spent"},
		40226: {http.StatusForbidden, "person_limited"},
		45011: {http.StatusTooManyRequests, "rate_limited"},
		-1:    {http.StatusBadGateway, "wechat_failed"},
		40013: {http.StatusServiceUnavailable, "wechat_refused"},
		40125: {http.StatusServiceUnavailable, "wechat_refused"},
	} {
		w.sim.Plan(wechatsim.CodeToSession, wechatsim.Fault{Errcode: errcode})
		p := m.call(http.MethodPost, "/mini/app/login", map[string]string{"code": m.code()}).wantStatus(want.status)
		if told := p.problem(); told["reason"] != want.reason || told["detail"] == "" || told["login_url"] != nil {
			t.Errorf("%d: %v", errcode, told)
		}
		if after := p.Header.Get("Retry-After"); (want.status == 429 || want.status >= 502) != (after != "") {
			t.Errorf("%d: Retry-After %q", errcode, after)
		}
	}
	calls := len(w.sim.Calls(wechatsim.CodeToSession))
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string // in the detail
	}{
		"no body":             {"/mini/app/login", "", 400, `application/json: {"code":"…"}`},
		"no JSON":             {"/mini/app/login", "code=x", 400, `application/json: {"code":"…"}`},
		"no code":             {"/mini/app/login", `{}`, 400, "code: wx.login"},
		"a code of no form":   {"/mini/app/login", `{"code":"a b"}`, 400, "code: wx.login"},
		"a number":            {"/mini/app/login", `{"code":17}`, 400, `application/json: {"code":"…"}`},
		"a long one":          {"/mini/app/login", `{"code":"` + strings.Repeat("a", 200) + `"}`, 400, "code: wx.login"},
		"something behind it": {"/mini/app/login", `{"code":"abc"} {"code":"abd"}`, 400, `application/json: {"code":"…"}`},
		"too much":            {"/mini/app/login", `{"code":"` + strings.Repeat("a", 70<<10) + `"}`, 413, ""},
		"an official account": {"/mini/shop/login", `{"code":"abc"}`, 404, ""},
		"a website":           {"/mini/pc/login", `{"code":"abc"}`, 404, ""},
		"main":                {"/mini/main/login", `{"code":"abc"}`, 404, ""},
		"nobody's":            {"/mini/other/login", `{"code":"abc"}`, 404, ""},
	} {
		p := m.sends(http.MethodPost, c.path, []byte(c.body))
		if p.Status != c.status {
			t.Errorf("%s: status %d, want %d", name, p.Status, c.status)
		}
		if told, _ := p.problem()["detail"].(string); !strings.Contains(told, c.says) {
			t.Errorf("%s: %q", name, told)
		}
	}
	if got := len(w.sim.Calls(wechatsim.CodeToSession)); got != calls {
		t.Errorf("WeChat was asked %d times more", got-calls)
	}
	if n := w.users(); n != 0 {
		t.Errorf("%d people are stored", n)
	}
}

// A code is good once: replayed it is refused, and of many at once one gets in.
func TestMiniCodeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	m := w.mini("lin", miniIPhone)
	code := m.code()
	body, err := json.Marshal(map[string]string{"code": code})
	check(t, err)
	var running sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 20 {
		running.Go(func() {
			p, err := m.trySends(http.MethodPost, "/mini/app/login", body)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[p.Status]++
		})
	}
	running.Wait()
	if statuses[http.StatusOK] != 1 || statuses[http.StatusUnauthorized] != 19 {
		t.Errorf("statuses %v", statuses)
	}
	if n := len(w.sim.Calls(wechatsim.CodeToSession)); n != 1 {
		t.Errorf("the code was sent %d times", n)
	}
	m.sends(http.MethodPost, "/mini/app/login", body).wantStatus(http.StatusUnauthorized)
	user, err := w.db.UserByOpenID(t.Context(), w.account("app").AppID, w.sim.OpenID(w.account("app").AppID, "lin"))
	check(t, err)
	if n := len(w.sessionIDs(user.ID)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// A token of one kind does not pass for the other, and one that is not ours is nobody's
// business.
func TestBearerAndCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	phone := w.signedIn("lin")
	cookie := phone.cookie("wxlogin")
	m := w.mini("wang", miniIPhone)
	wang := m.signsIn()
	bearer := m.token
	for _, path := range []string{"/api/me", "/verify"} {
		// Each in the other's place.
		m.token = cookie
		m.call(http.MethodGet, path, nil).wantStatus(http.StatusUnauthorized)
		m.token = "mini_" + cookie
		m.call(http.MethodGet, path, nil).wantStatus(http.StatusUnauthorized)
		for _, value := range []string{bearer, strings.TrimPrefix(bearer, "mini_")} {
			thief := w.browser(iPhone)
			thief.setCookie(w.url, "wxlogin", value)
			thief.get(path).wantStatus(http.StatusUnauthorized)
		}
		// Together the bearer counts, alive or not; another's is ignored.
		both := &mini{browser: phone, token: bearer}
		if p := both.call(http.MethodGet, path, nil).wantStatus(http.StatusOK); !strings.Contains(p.Body+p.Header.Get("Remote-User"), wang.Person["id"].(string)) {
			t.Errorf("%s: %s", path, p.Body)
		}
		both.token = flip(bearer)
		both.call(http.MethodGet, path, nil).wantStatus(http.StatusUnauthorized)
		for _, others := range []string{"an-applications-own", "eyJhbGciOiJIUzI1NiJ9.e30.x", "mini_", "mini_" + strings.Repeat("a", 80)} {
			both.token = others
			if p := both.call(http.MethodGet, path, nil).wantStatus(http.StatusOK); strings.Contains(p.Body+p.Header.Get("Remote-User"), wang.Person["id"].(string)) {
				t.Errorf("%s with %q: %s", path, others, p.Body)
			}
		}
	}
	// A logout by a bearer leaves the cookie's session alone.
	both := &mini{browser: phone, token: bearer}
	both.call(http.MethodPost, "/logout", nil).wantStatus(http.StatusNoContent)
	phone.wantMe("lin")
	m.token = bearer
	m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusUnauthorized)
}

// The guard against other sites' forms is about cookies: a bearer needs no Origin, and
// opens no door to what only a cookie may.
func TestBearerAndOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	_, err := w.admins.Grant(t.Context(), admin.CommandLine(), w.person("lin").OpenID)
	check(t, err)
	phone := w.signedIn("lin")
	m := w.mini("wang", miniIPhone)
	m.signsIn()
	phone.get("/admin").wantStatus(http.StatusOK)
	both := &mini{browser: phone, token: m.token}
	for _, path := range []string{"/admin", "/api/admin/users"} {
		both.call(http.MethodGet, path, nil).wantStatus(http.StatusUnauthorized)
	}
	lin := w.user("lin")
	both.call(http.MethodPost, "/api/admin/users/"+lin.ID+"/block", nil).wantStatus(http.StatusUnauthorized)
	both.token = "another-application's"
	both.call(http.MethodPost, "/api/admin/users/"+lin.ID+"/block", nil).wantStatus(http.StatusForbidden)
	phone.wantMe("lin")
	m.call(http.MethodPost, "/api/me/erase", nil).wantStatus(http.StatusNoContent)
	m.call(http.MethodGet, "/api/me", nil).wantStatus(http.StatusUnauthorized)
	phone.wantMe("lin")
}

func TestMiniRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: append(threeAccounts, auth.Account{Name: "game", Kind: auth.MiniProgram}), rateLimit: 5})
	m := w.mini("lin", miniIPhone)
	statuses := map[int]int{}
	for range 8 {
		statuses[m.sends(http.MethodPost, "/mini/app/login", []byte(`{"code":"0"}`)).Status]++
	}
	if statuses[http.StatusUnauthorized] != 5 || statuses[http.StatusTooManyRequests] != 3 {
		t.Errorf("statuses %v", statuses)
	}
	m.sends(http.MethodPost, "/mini/game/login", []byte(`{"code":"0"}`)).wantStatus(http.StatusUnauthorized)
}

func pngOf(width, height int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// Nickname and picture come from the mini program's form, as WeChat tells mini programs
// neither.
func TestOwnProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	m := w.mini("plain", miniIPhone)
	id := m.signsIn().Person["id"].(string)
	p := m.call(http.MethodPut, "/api/me/profile", map[string]string{"nickname": " 小\u202e明\n ", "picture": pngOf(300, 300)}).wantStatus(http.StatusOK)
	var me map[string]any
	check(t, json.Unmarshal([]byte(p.Body), &me))
	if me["nickname"] != "小明" || me["profile_updated_at"] != nil {
		t.Errorf("answered %v", me)
	}
	picture := m.call(http.MethodGet, "/avatar/"+id, nil).wantPicture()
	if size := picture.Bounds().Size(); size != image.Pt(132, 132) {
		t.Errorf("a picture of %v", size)
	}
	// One part leaves the other as it is, also after the next login.
	m.call(http.MethodPut, "/api/me/profile", map[string]string{"nickname": "小红"}).wantStatus(http.StatusOK)
	m.signsIn()
	m.call(http.MethodGet, "/avatar/"+id, nil).wantPicture()
	if me := m.me(); me != nil {
		t.Errorf("without the token: %v", me)
	}

	for name, c := range map[string]struct {
		body   any
		status int
		says   string // in the detail
	}{
		"no base64":    {map[string]string{"picture": "%%%"}, 400, "picture: base64"},
		"no picture":   {map[string]string{"picture": base64.StdEncoding.EncodeToString([]byte("<svg onload=alert(1)>"))}, 400, "picture: JPEG | PNG | GIF"},
		"a wide one":   {map[string]string{"picture": pngOf(4097, 1)}, 400, "4096 px"},
		"a large one":  {map[string]string{"picture": base64.StdEncoding.EncodeToString(make([]byte, 512<<10+1))}, 413, ""},
		"a huge one":   {map[string]string{"picture": strings.Repeat("A", 1<<20)}, 413, ""},
		"no object":    {[]string{"nickname"}, 400, `application/json: {"nickname"`},
		"another type": {map[string]int{"nickname": 7}, 400, `application/json: {"nickname"`},
	} {
		p := m.call(http.MethodPut, "/api/me/profile", c.body)
		if p.Status != c.status {
			t.Errorf("%s: status %d, want %d", name, p.Status, c.status)
		}
		if told, _ := p.problem()["detail"].(string); !strings.Contains(told, c.says) {
			t.Errorf("%s: %q", name, told)
		}
	}
	if p := m.call(http.MethodGet, "/api/me", nil); !strings.Contains(p.Body, "小红") {
		t.Errorf("/api/me: %s", p.Body)
	}
	(&mini{browser: w.browser(miniIPhone)}).call(http.MethodPut, "/api/me/profile", map[string]string{"nickname": "x"}).wantStatus(http.StatusUnauthorized)
	phone := w.signedIn("wang")
	req := phone.request(http.MethodPut, "/api/me/profile", nil)
	req.Body = http.NoBody
	got, err := phone.fetch(req)
	check(t, err)
	got.wantStatus(http.StatusForbidden)
}

// What WeChat has told stands, whatever a form says.
func TestOwnProfileLeavesWeChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: threeAccounts})
	phone := w.signedIn("lin")
	w.copied()
	m := w.mini("lin", miniIPhone)
	joined := m.signsIn()
	if joined.Person["id"] != phone.id() || joined.New {
		t.Fatalf("the unionid does not join: %v", joined)
	}
	p := m.call(http.MethodPut, "/api/me/profile", map[string]string{"nickname": "another", "picture": pngOf(20, 20)}).wantStatus(http.StatusOK)
	if !strings.Contains(p.Body, "林小满") {
		t.Errorf("answered %s", p.Body)
	}
	if me := phone.me(); me["nickname"] != "林小满" {
		t.Errorf("the official account's person is %v", me)
	}
	if source, err := w.db.PictureSource(t.Context(), phone.id()); err != nil || strings.HasPrefix(source, "own:") {
		t.Errorf("the picture is from %q, %v", source, err)
	}
}
