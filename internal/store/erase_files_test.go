package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// Nothing of erased people among many others is left in any file, pages that were split
// and merged on the way included.
func TestErasedPeopleAreInNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	const crowd = 300
	words := func(i int) []string {
		return []string{fmt.Sprintf("oERASE%04dx", i), fmt.Sprintf("昵称E%04dx", i), fmt.Sprintf("agentE%04dx", i), fmt.Sprintf("addrE%04dx", i)}
	}
	var ids []string
	for i := range crowd {
		word := words(i)
		save := w.login(word[0], auth.ScopeUserinfo)
		profile := lin
		profile.Nickname = word[1]
		save.Profile, save.RefreshToken = &profile, "REFRESH"
		save.Login.Device = auth.Device{RemoteAddr: word[3], UserAgent: word[2] + strings.Repeat(" MicroMessenger", i%20)}
		save.Session.Device = save.Login.Device
		w.unknown(save.Login.Device)
		ids = append(ids, w.signsIn(save).ID)
		w.clock.pass(time.Second)
		if i%3 == 0 {
			again := w.login(word[0], auth.ScopeBase)
			again.Login.Device, again.Session.Device = save.Login.Device, save.Session.Device
			w.signsIn(again)
		}
	}
	w.sweeps()
	for i, id := range ids {
		if i%2 == 1 {
			continue
		}
		if err := w.EraseUser(w.ctx, id, nil, w.event(admin.ActErase, id)); err != nil {
			t.Fatal(err)
		}
	}
	files := must(filepath.Glob(strings.TrimPrefix(w.at.url, "sqlite:") + "*"))(t)
	stays := 0
	for _, file := range files {
		content := must(os.ReadFile(file))(t)
		for i := range crowd {
			for _, word := range words(i) {
				switch n := bytes.Count(content, []byte(word)); {
				case n > 0 && i%2 == 0:
					t.Errorf("%s has %d times %s", filepath.Base(file), n, word)
				case n > 0:
					stays++
				}
			}
		}
	}
	if stays != crowd/2*4 {
		t.Errorf("%d words of those who stay", stays)
	}
}

// unknown is a silent login of an unknown person.
func (w *world) unknown(device auth.Device) auth.Login {
	w.t.Helper()
	l := pending(w.login("", auth.ScopeBase))
	l.Device = device
	if claimed, err := w.ClaimLogin(w.ctx, l); err != nil || !claimed {
		w.t.Fatal(claimed, err)
	}
	l.Outcome, l.FinishedAt = auth.Unknown, w.clock.now()
	if err := w.FinishLogin(w.ctx, l); err != nil {
		w.t.Fatal(err)
	}
	return l
}

// While somebody reads the log it cannot be emptied. It is when they have done, and
// nobody has waited for that.
func TestTheLogIsEmptiedWhenItsReadersHaveDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteEngine)
	user, _ := w.visitor("oERASED")
	w.visitor("o2")
	reader := must(w.at.raw.BeginTx(w.ctx, nil))(t)
	var n int
	if err := reader.QueryRowContext(w.ctx, "SELECT COUNT(*) FROM users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := w.EraseUser(w.ctx, user.ID, nil, w.event(admin.ActErase, user.ID)); err != nil {
		t.Fatal(err)
	}
	w.visitor("o3") // writes go on
	log := strings.TrimPrefix(w.at.url, "sqlite:") + "-wal"
	if !bytes.Contains(must(os.ReadFile(log))(t), []byte("oERASED")) {
		t.Fatal("the log was emptied under its reader")
	}
	if !strings.Contains(w.log.String(), "WAL not truncated after erase") {
		t.Error("nobody was told")
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	late := time.After(30 * time.Second)
	for bytes.Contains(must(os.ReadFile(log))(t), []byte("oERASED")) {
		select {
		case <-late:
			t.Fatal("the log was never emptied")
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.wantRows("users", 2)
}
