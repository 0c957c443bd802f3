package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/wechat/wechatsim"
)

// copied waits until no picture is being copied.
func (w *world) copied() {
	w.t.Helper()
	check(w.t, w.pictures.Flush(w.t.Context()))
}

// avatarOf is the address of the picture of whoever is signed in.
func (b *browser) avatarOf() string {
	b.w.t.Helper()
	return b.me()["avatar_url"].(string)
}

// wantPicture fails unless the answer is one of our copies, and returns it.
func (p *page) wantPicture() image.Image {
	p.t.Helper()
	if p.Status != http.StatusOK || p.Header.Get("Content-Type") != "image/jpeg" {
		p.t.Fatalf("%s: status %d, type %q, want a JPEG", p.URL.Path, p.Status, p.Header.Get("Content-Type"))
	}
	if len(p.Body) > 20<<10 {
		p.t.Errorf("the copy has %d bytes", len(p.Body))
	}
	img, err := jpeg.Decode(strings.NewReader(p.Body))
	check(p.t, err)
	if size := img.Bounds().Size(); size.X > 132 || size.Y > 132 {
		p.t.Errorf("the copy is %v", size)
	}
	return img
}

// wantPlaceholder fails unless the answer is the drawing of nobody.
func (p *page) wantPlaceholder() {
	p.t.Helper()
	if p.Status != http.StatusOK || p.Header.Get("Content-Type") != "image/svg+xml" {
		p.t.Fatalf("%s: status %d, type %q, want the placeholder", p.URL.Path, p.Status, p.Header.Get("Content-Type"))
	}
}

// wantFetches fails unless WeChat's image host has been asked that often.
func (w *world) wantFetches(n int) {
	w.t.Helper()
	if got := len(w.sim.Calls(wechatsim.Picture)); got != n {
		w.t.Fatalf("WeChat was asked for %d pictures, want %d", got, n)
	}
}

func asPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, png.Encode(&b, img))
	return b.Bytes()
}

// A picture is copied at the login and served from the database.
func TestPictureIsCopiedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{path: "/wx"})
	phone := w.phone("lin")
	page := phone.signsIn()
	w.copied()
	w.wantFetches(1)

	address := strings.TrimPrefix(phone.avatarOf(), "/wx")
	page.wantPage(http.StatusOK, `src="/wx`+address+`"`)
	p := phone.get(address)
	p.wantPicture()
	var stored struct {
		Picture struct{ Body []byte }
	}
	check(t, json.Unmarshal([]byte(phone.get("/api/me/export").Body), &stored))
	if string(stored.Picture.Body) != p.Body {
		t.Error("the picture is not in the person's copy of their data")
	}
	for name, want := range map[string]string{
		"Cache-Control":          "private, max-age=3600",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(p.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content policy")
	}
	if p.Header.Get("Set-Cookie") != "" {
		t.Error("a picture sets a cookie")
	}

	req := phone.request(http.MethodGet, address, nil)
	req.Header.Set("If-None-Match", p.Header.Get("ETag"))
	again, err := phone.fetch(req)
	check(t, err)
	if again.Status != http.StatusNotModified || again.Body != "" || again.Header.Get("ETag") != p.Header.Get("ETag") {
		t.Errorf("status %d, %d bytes, ETag %q for a picture that the browser has", again.Status, len(again.Body), again.Header.Get("ETag"))
	}

	// Another login, with consent or without, copies nothing again.
	phone.signsIn()
	w.phone("lin").opens("/").wantPage(http.StatusOK, "林小满")
	w.copied()
	w.wantFetches(1)
}

// Only the person and administrators see it; the answer to all others is one and
// the same, whether the person is there or not.
func TestPictureIsForItsPersonAndAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin, wang := w.phone("lin"), w.phone("wang")
	lin.signsIn()
	wang.signsIn()
	w.copied()
	address := lin.avatarOf()

	lin.get(address).wantPicture()
	w.admin().get(address).wantPicture()

	nobody := w.browser(desktopWeb).get(address)
	for _, p := range []*page{
		nobody,
		w.browser(desktopWeb).get("/avatar/019aa000-0000-7000-8000-000000000000"),
		wang.get(address),
		wang.get("/avatar/nobody"),
		lin.get("/avatar/%2e%2e%2fadmin"),
	} {
		p.wantPlaceholder()
		if p.Body != nobody.Body || p.Header.Get("ETag") != nobody.Header.Get("ETag") || p.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: not like the answer to anybody else", p.URL.Path)
		}
	}

	lin.post("/logout", nil)
	lin.get(address).wantPlaceholder()
}

// An admin by their own login sees everybody's picture.
func TestPictureForAnAdminOnThePhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	lin := w.phone("lin")
	lin.signsIn()
	w.copied()
	boss := newWorld(t, options{dbPath: w.dbPath, sim: w.sim, admins: []string{w.person("wang").OpenID}}).phone("wang")
	boss.signsIn()
	boss.get(lin.avatarOf()).wantPicture()
}

// A new picture takes the place of the old one, and no picture that of any.
func TestPictureFollowsTheProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.copied()
	address := phone.avatarOf()
	before := phone.get(address)
	before.wantPicture()

	lin := w.person("lin")
	lin.HeadImgURL = w.simURL + "/mmopen/vi_32/wang/132"
	w.sim.AddPerson(lin)
	phone.signsIn()
	w.copied()
	after := phone.get(address)
	after.wantPicture()
	if after.Body == before.Body || after.Header.Get("ETag") == before.Header.Get("ETag") {
		t.Error("a changed picture was not copied")
	}
	w.wantFetches(2)

	lin.HeadImgURL, lin.NoPicture = "", true
	w.sim.AddPerson(lin)
	phone.signsIn()
	w.copied()
	phone.get(address).wantPlaceholder()
	w.wantFetches(2)
}

// WeChat's placeholder picture, which comes with status 200 and X-ErrNo when a picture is gone,
// is not stored, and does not replace a good copy. The next login asks again.
func TestPictureOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.copied()
	before := phone.get(phone.avatarOf())
	before.wantPicture()
	lin := w.person("lin")
	lin.HeadImgURL = w.simURL + "/mmopen/vi_32/nobody/132"
	w.sim.AddPerson(lin)
	for range 12 { // an answer is no silence: other pictures are still asked for
		phone.signsIn()
		w.copied()
	}
	if p := phone.get(phone.avatarOf()); p.Body != before.Body {
		t.Error("the placeholder has taken the place of the copy")
	}
	w.wantFetches(13)

	stranger := w.sim.AddPerson(wechatsim.Person{Nickname: "新来的", HeadImgURL: w.simURL + "/mmopen/vi_32/nobody/132"})
	other := w.phone(stranger.Key)
	other.signsIn()
	w.copied()
	other.get(other.avatarOf()).wantPlaceholder()
	w.wantFetches(14)

	lin.HeadImgURL = w.simURL + "/mmopen/vi_32/wang/132"
	w.sim.AddPerson(lin)
	phone.signsIn()
	w.copied()
	if p := phone.get(phone.avatarOf()); p.Body == before.Body {
		t.Error("the new picture was not copied")
	}
}

// A profile fetched again brings its picture too.
func TestPictureFollowsARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.copied()
	lin := w.person("lin")
	lin.HeadImgURL = w.simURL + "/mmopen/vi_32/wang/132"
	w.sim.AddPerson(lin)
	_, err := w.refresher.Refresh(t.Context(), phone.me()["id"].(string))
	check(t, err)
	w.copied()
	w.wantFetches(2)
	phone.get(phone.avatarOf()).wantPicture()
}

// Nobody waits for a picture, and what was copied for somebody who has been
// erased meanwhile is not kept.
func TestPictureHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	hold := make(chan struct{})
	w.sim.Plan(wechatsim.Picture, wechatsim.Fault{Times: 2, Until: hold})
	lin, wang := w.phone("lin"), w.phone("wang")
	lin.signsIn()
	wang.signsIn()
	w.fetchBegun(2)
	lin.get(lin.avatarOf()).wantPlaceholder()

	gone := lin.avatarOf()
	lin.post("/api/me/erase", nil).wantRedirect("/")
	close(hold)
	w.copied()
	w.admin().get(gone).wantPlaceholder()
	wang.get(wang.avatarOf()).wantPicture()
}

// Of two pictures that are copied at the same time, the profile's is kept,
// whichever comes last.
func TestPictureChangesWhileItIsCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	hold := make(chan struct{})
	w.sim.Plan(wechatsim.Picture, wechatsim.Fault{Until: hold})
	phone, lin := w.phone("lin"), w.person("lin")
	phone.signsIn()
	w.fetchBegun(1)
	lin.HeadImgURL = w.simURL + "/mmopen/vi_32/wang/132"
	w.sim.AddPerson(lin)
	phone.signsIn()
	w.fetchBegun(2)
	close(hold)
	w.copied()

	picture, err := w.db.Picture(t.Context(), phone.me()["id"].(string))
	check(t, err)
	if picture.Source != lin.HeadImgURL {
		t.Errorf("kept the picture of %s", picture.Source)
	}
}

// fetchBegun waits until WeChat has been asked for so many pictures.
func (w *world) fetchBegun(n int) {
	w.t.Helper()
	for len(w.sim.Calls(wechatsim.Picture)) < n {
		select {
		case <-w.t.Context().Done():
			w.t.Fatal("WeChat was not asked for a picture")
		case <-time.After(time.Millisecond):
		}
	}
}

// What is stored of a picture goes with its person.
func TestErasedPersonsPictureIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone, admin := w.phone("lin"), w.admin()
	phone.signsIn()
	w.copied()
	id := phone.me()["id"].(string)
	admin.get(phone.avatarOf()).wantPicture()
	phone.post("/api/me/erase", nil).wantRedirect("/")
	admin.get("/avatar/" + id).wantPlaceholder()
	picture, err := w.db.Picture(t.Context(), id)
	check(t, err)
	if picture.Body != nil {
		t.Error("the picture of an erased person is still stored")
	}
}

// Whatever comes of a picture, the login is as it would be, the page shows the
// placeholder, and the next login, a silent one, tries again.
func TestPictureThatCannotBeCopied(t *testing.T) {
	html := http.Header{"Content-Type": {"image/png"}}
	bomb := asPNG(t, image.NewGray(image.Rect(0, 0, 4097, 1)))
	gif := []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x44\x01\x00;")
	for name, fault := range map[string]wechatsim.Fault{
		"gone":      {Status: http.StatusNotFound, Body: []byte{}},
		"huge":      {Body: append(asPNG(t, image.NewGray(image.Rect(0, 0, 9, 9))), make([]byte, 2<<20)...)},
		"endless":   {Endless: true},
		"cut":       {CutMidBody: true},
		"no answer": {CutBefore: true},
		"page":      {Body: []byte("<html><script>alert(1)</script>"), Header: html},
		"svg":       {Body: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), Header: html},
		"wide":      {Body: bomb},
		"gif bomb":  {Body: gif},
		"packed":    wechatsim.GzipBomb(64 << 20),
		"redirect":  {RedirectTo: "/mmopen/vi_32/wang/132"},
		"empty":     {Body: []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{})
			w.sim.Plan(wechatsim.Picture, fault)
			phone := w.phone("lin")
			phone.signsIn()
			w.copied()
			w.wantFetches(1)
			address := phone.avatarOf()
			phone.get(address).wantPlaceholder()
			if !strings.Contains(w.log.String(), "picture was not copied") {
				t.Error("nothing of it in the log")
			}
			if strings.Contains(w.log.String(), "mmopen") {
				t.Error("the address is in the log")
			}

			w.phone("lin").opens("/").wantPage(http.StatusOK, "林小满")
			w.copied()
			w.wantFetches(2)
			phone.get(address).wantPicture()
		})
	}
}

// The service asks nobody but WeChat's image hosts, whatever a profile names, and
// no page makes a browser ask anybody else either.
func TestPictureAddressesThatAreNotWeChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	elsewhere := newWorld(t, options{}) // on loopback, on another port
	admin := w.admin()
	for _, address := range []string{
		"http://169.254.169.254/latest/meta-data/",
		elsewhere.simURL + "/mmopen/vi_32/lin/132",
		strings.Replace(w.simURL, "http://", "https://", 1) + "/mmopen/vi_32/lin/132",
		strings.Replace(w.simURL, "http://", "http://a@", 1) + "/mmopen/vi_32/lin/132",
		"http://localhost/mmopen/vi_32/lin/132",
		"https://wx.qlogo.cn.example.com/132",
		"https://wx.qlogo.cn@169.254.169.254/132",
		"https://wx.qlogo.cn:8443/132",
		"https://evilqlogo.cn/132",
		"file:///etc/passwd",
		"javascript:alert(1)",
		"data:image/png;base64,AAAA",
		"//wx.qlogo.cn/132",
		"\" onerror=\"alert(1)",
		"http://[::1",
	} {
		lin := w.person("lin")
		lin.HeadImgURL = address
		w.sim.AddPerson(lin)
		phone := w.phone("lin")
		p := phone.signsIn()
		w.copied()
		w.wantFetches(0)
		elsewhere.wantFetches(0)
		phone.get(phone.avatarOf()).wantPlaceholder()
		for _, body := range []string{p.Body, admin.get("/admin/users").Body, admin.get("/admin/users/" + phone.me()["id"].(string)).Body} {
			for tag := range strings.SplitSeq(body, "<img ") {
				if before, _, _ := strings.Cut(tag, ">"); strings.Contains(before, "qlogo") || strings.Contains(before, "onerror") {
					t.Errorf("%s: on a page as <img %s>", address, before)
				}
			}
		}
	}
}

// A picture cannot be read while the database does not answer: that is said, and
// is not taken for a person without one.
func TestPictureWithoutADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	phone := w.phone("lin")
	phone.signsIn()
	w.copied()
	address := phone.avatarOf()
	check(t, w.db.Close())
	phone.get(address).wantPage(http.StatusServiceUnavailable, "")
}

// Closing does not wait for a WeChat that hangs.
func TestPicturesClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.sim.Plan(wechatsim.Picture, wechatsim.Fault{Hang: true})
	w.phone("lin").signsIn()
	w.fetchBegun(1)
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.pictures.Close(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}

// The first page of a first login shows the picture: its address waits for the
// copy that is on its way.
func TestPictureOnItsWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	release := make(chan struct{})
	w.sim.Plan(wechatsim.Picture, wechatsim.Fault{Until: release})
	phone := w.phone("lin")
	phone.signsIn()
	address := phone.avatarOf()
	req := phone.request(http.MethodGet, address, nil)
	answered := make(chan *page)
	go func() {
		p, err := phone.fetch(req)
		if err != nil {
			t.Error(err)
		}
		answered <- p
	}()
	close(release)
	(<-answered).wantPicture()
}
