package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/store"
)

func TestABackupIsACompleteCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	save := w.login("o1", auth.ScopeUserinfo)
	save.RefreshToken, save.Profile = "REFRESH", &lin
	user := w.signsIn(save)
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy.db")
	if err := store.Backup(w.ctx, w.at.url, copied); err != nil {
		t.Fatal(err)
	}
	err := store.Backup(w.ctx, w.at.url, copied)
	wantReason(t, err, auth.BadRequest)
	w.visitor("o2")

	var names []string
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, _ := entry.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	if len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	s, err := openAt(t, copied)
	if err != nil {
		t.Fatal(err)
	}
	w.wantToken(s, user, "REFRESH")
	if n, err := s.CountUsers(w.ctx, admin.UserQuery{}); err != nil || n != 1 {
		t.Errorf("%d people in the copy, %v", n, err)
	}
	if _, err := s.Visit(w.ctx, auth.VisitorSession, save.Session.TokenHash); err != nil {
		t.Error(err)
	}
	if page, err := s.Users(w.ctx, admin.UserQuery{Search: string([]rune(lin.Nickname)[1:2])}); err != nil || len(page.Users) != 1 {
		t.Errorf("%d people are found in the copy, %v", len(page.Users), err)
	}
}
