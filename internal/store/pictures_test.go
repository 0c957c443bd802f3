package store_test

import (
	"bytes"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

var picturePromises = map[string]func(*world){
	"a picture is kept as it came":                      pictureIsKept,
	"a picture is kept for the source of the profile":   pictureOfAnotherSource,
	"a picture is not kept for a person who is gone":    pictureOfNobody,
	"a picture goes with its person":                    pictureGoesWithItsPerson,
	"a picture is dropped when the profile has no more": pictureIsDropped,
}

// personWithPicture is somebody whose profile names a picture.
func (w *world) personWithPicture(openID, source string) auth.User {
	w.t.Helper()
	save := w.login(openID, auth.ScopeUserinfo)
	save.Profile = &auth.Profile{Nickname: openID, AvatarURL: source}
	return w.signsIn(save)
}

func (w *world) picture(user auth.User, source, body string) auth.Picture {
	return auth.Picture{
		UserID: user.ID, Source: source, Type: auth.PictureType, Body: []byte(body), ETag: auth.Hash(body), CopiedAt: w.clock.now(),
	}
}

// wantPicture checks what is kept of a person's picture; empty: nothing.
func (w *world) wantPicture(userID, source, body string) auth.Picture {
	w.t.Helper()
	got, err := w.Picture(w.ctx, userID)
	if err != nil || got.Source != source || string(got.Body) != body {
		w.t.Errorf("picture of %q with %d bytes, %v, want %q with %d", got.Source, len(got.Body), err, source, len(body))
	}
	if s, err := w.PictureSource(w.ctx, userID); err != nil || s != source {
		w.t.Errorf("source %q, %v, want %q", s, err, source)
	}
	return got
}

func (w *world) savePicture(p auth.Picture, want bool) {
	w.t.Helper()
	if saved, err := w.SavePicture(w.ctx, p); err != nil || saved != want {
		w.t.Errorf("saved: %v, %v, want %v", saved, err, want)
	}
}

func pictureIsKept(w *world) {
	user, other := w.personWithPicture("o1", "https://wx.qlogo.cn/1"), w.personWithPicture("o2", "https://wx.qlogo.cn/1")
	w.wantPicture(user.ID, "", "")
	body := string([]byte{0, 1, 0xff, 0xd8, '\'', 0})
	first := w.picture(user, "https://wx.qlogo.cn/1", body)
	w.savePicture(first, true)
	got := w.wantPicture(user.ID, "https://wx.qlogo.cn/1", body)
	if got.UserID != user.ID || got.Type != first.Type || got.ETag != first.ETag || !got.CopiedAt.Equal(first.CopiedAt) || !bytes.Equal(got.Body, first.Body) {
		w.t.Errorf("%+v, want %+v", got, first)
	}
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/1", "again"), true)
	w.wantPicture(user.ID, "https://wx.qlogo.cn/1", "again")
	w.wantPicture(other.ID, "", "")
}

func pictureOfAnotherSource(w *world) {
	user := w.personWithPicture("o1", "https://wx.qlogo.cn/new")
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/old", "old"), false)
	w.wantPicture(user.ID, "", "")
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/new", "new"), true)
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/old", "old"), false)
	w.wantPicture(user.ID, "https://wx.qlogo.cn/new", "new")
}

func pictureOfNobody(w *world) {
	w.savePicture(w.picture(auth.User{ID: auth.NewID()}, "https://wx.qlogo.cn/1", "body"), false)
	w.wantRows("pictures", 0)
}

func pictureGoesWithItsPerson(w *world) {
	user := w.personWithPicture("o1", "https://wx.qlogo.cn/1")
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/1", "body"), true)
	if err := w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
		w.t.Fatal(err)
	}
	w.wantPicture(user.ID, "", "")
	w.wantRows("pictures", 0)
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/1", "body"), false)
	w.wantRows("pictures", 0)
}

func pictureIsDropped(w *world) {
	user := w.personWithPicture("o1", "https://wx.qlogo.cn/1")
	w.savePicture(w.picture(user, "https://wx.qlogo.cn/1", "body"), true)
	if err := w.DeletePicture(w.ctx, user.ID); err != nil {
		w.t.Fatal(err)
	}
	w.wantPicture(user.ID, "https://wx.qlogo.cn/1", "body") // the profile names one still
	w.personWithPicture("o1", "")
	for range 2 {
		if err := w.DeletePicture(w.ctx, user.ID); err != nil {
			w.t.Fatal(err)
		}
		w.wantPicture(user.ID, "", "")
	}
}
