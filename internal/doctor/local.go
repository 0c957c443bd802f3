package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
	"wxlogin/internal/store"
	"wxlogin/internal/wechat"
	"wxlogin/migrations"
)

func (d *doctor) checkSettings(context.Context) []finding {
	if d.invalid == nil {
		return one(good, "settings", "complete and well-formed", "")
	}
	// A finding for each setting, and the advice once.
	var findings []finding
	for line := range strings.Lines(d.invalid.Error()) {
		findings = append(findings, finding{failure, "settings", strings.TrimSpace(line), ""})
	}
	findings[len(findings)-1].advice = "correct the settings named above; `server serve --help` lists all"
	return findings
}

// checkDomain prints the domain to register with WeChat, and whether WeChat accepts it.
func (d *doctor) checkDomain(context.Context) []finding {
	public := d.config.PublicURL
	if public == nil {
		return skip("domain", "WXLOGIN_PUBLIC_URL is not valid")
	}
	host, port := public.Hostname(), public.Port()
	_, notIP := netip.ParseAddr(host)
	switch {
	case auth.IsLoopback(host) && d.realWeChat():
		return one(warning, "domain", host+" is this machine alone: no phone can open it, and WeChat registers no such domain",
			"for real visitors set WXLOGIN_PUBLIC_URL to a domain of yours; to try things out there is `server demo`")
	case auth.IsLoopback(host):
		return one(good, "domain", host+": this machine alone, for tests", "")
	case port != "" && port != "80" && port != "443":
		return one(failure, "domain", "the public URL has port "+port+"; WeChat takes 80 and 443 only (10003 on the phone)",
			"put a reverse proxy on port 443 and set WXLOGIN_PUBLIC_URL=https://"+host+strings.TrimRight(public.Path, "/")+"\na test account (测试号) takes a port, registered as host:port")
	case notIP == nil:
		return one(warning, "domain", host+" is an IP address; WeChat registers domains (10003 on the phone)",
			"use a domain of yours with an ICP record (备案)\na test account (测试号) takes IP addresses")
	case !strings.Contains(host, "."):
		return one(warning, "domain", host+" is a name without a dot; WeChat registers domains of the public internet (10003 on the phone)",
			"set WXLOGIN_PUBLIC_URL to a domain of yours with an ICP record (备案)")
	}
	findings := one(good, "domain", "register exactly this: "+host+"\n"+wechat.WayToDomain, "")
	if public.Scheme == "http" {
		findings = append(findings, finding{warning, "domain", "the public URL is http: sessions and codes travel in the clear", "use https"})
	}
	return findings
}

// realWeChat reports whether the settings name WeChat's own hosts.
func (d *doctor) realWeChat() bool {
	return strings.HasSuffix(hostOf(d.config.APIURL), ".weixin.qq.com") && strings.HasSuffix(hostOf(d.config.OpenURL), ".weixin.qq.com")
}

const lostKeys = "`server keygen` prints a key for WXLOGIN_KEYS. Look for the old ones first: without them people sign in once more, and stored refresh tokens do not open"

// checkKeys checks the keys and makes none: the service could not read a file that another
// user has made.
func (d *doctor) checkKeys(context.Context) []finding {
	file, beside := d.keyFile()
	if beside {
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && exists(strings.TrimSuffix(file, ".keys")):
			return one(failure, "keys", file+" is gone, and its database is there", lostKeys)
		case errors.Is(err, fs.ErrNotExist):
			return one(good, "keys", "none yet; the first start makes "+file, "")
		case err != nil:
			return one(failure, "keys", err.Error(), "let the user that runs the service read it")
		case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
			return one(failure, "keys", fmt.Sprintf("%s has mode %04o: others on this machine can read it, and the service does not start", file, info.Mode().Perm()), "chmod 600 "+file)
		}
	}
	keys, err := d.settings.Keyring()
	if errors.Is(err, fs.ErrPermission) {
		return one(failure, "keys", err.Error(), "let the user that runs the service read it; new keys would lose what the old ones opened")
	}
	if err != nil {
		return one(failure, "keys", err.Error(), lostKeys)
	}
	text := fmt.Sprintf("%d, new cookies and tokens use %s", len(keys), keys[0].ID)
	if beside {
		text = fmt.Sprintf("%d, new cookies and tokens use %s, in %s", len(keys), keys[0].ID, file)
	}
	return one(good, "keys", text, "")
}

// keyFile returns the file of the keys beside the database, and whether it is in use.
func (d *doctor) keyFile() (path string, beside bool) {
	path, ok := d.settings.KeyFile()
	return path, ok && d.settings.Keys == ""
}

// sqliteFile returns the absolute path of a SQLite database.
func (d *doctor) sqliteFile() (path string, ok bool) { return store.File(d.settings.DatabaseURL) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const databaseAdvice = "check WXLOGIN_DATABASE_URL, who owns the folder and its files, and the disk; a damaged file is replaced by a backup while the service is stopped"

const serverAdvice = "check WXLOGIN_DATABASE_URL and whether the server runs and takes connections from here: psql with the same address; docs/postgres.md has more"

// checkDatabase opens the database as commands do. It does not create a SQLite file.
func (d *doctor) checkDatabase(ctx context.Context) []finding {
	path, sqlite := d.sqliteFile()
	if sqlite && !exists(path) {
		folder := filepath.Dir(path)
		if err := settings.WritableFolder(folder); err != nil {
			return one(failure, "database", fmt.Sprintf("%s cannot be made: %v", path, err), "make the folder "+folder+", owned by the user that runs the service")
		}
		return one(warning, "database", path+" is not there yet; the first start makes it",
			"if there should be one, check WXLOGIN_DATABASE_URL; a relative path begins at the working folder")
	}
	if file, beside := d.keyFile(); beside && !exists(file) {
		return skip("database", "it needs the keys")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	advice := databaseAdvice
	if !sqlite {
		advice = serverAdvice
	}
	keys, err := d.settings.Keyring()
	if err != nil {
		return skip("database", "it needs the keys")
	}
	db, err := store.Open(ctx, store.Config{URL: d.settings.DatabaseURL, Keys: keys, Migrations: migrations.FS, Keep: true, Now: d.now})
	if errors.Is(err, store.ErrOlder) {
		return one(warning, "database", err.Error(), "before that, `server backup`: it is the way back to the older program")
	}
	if err != nil {
		return one(failure, "database", err.Error(), advice)
	}
	defer db.Close()
	if err := db.Ready(ctx); err != nil {
		return one(failure, "database", err.Error(), advice)
	}
	var others []finding
	if d.config.AppID != "" {
		var appIDs []string
		for _, account := range d.config.Accounts {
			appIDs = append(appIDs, account.AppID)
		}
		switch n, err := db.OtherAccounts(ctx, appIDs); {
		case err != nil:
			return one(failure, "database", err.Error(), advice)
		case n > 0:
			others = one(warning, "database", fmt.Sprintf("%d sessions are of people of another AppID than %s; they do not count, and these people sign in again", n, strings.Join(appIDs, ", ")),
				"nothing, if WXLOGIN_APPID or WXLOGIN_ACCOUNTS was changed on purpose; else set it back. An openid is of one AppID only")
		}
	}
	clients, err := d.judgeClients(ctx, db)
	if err != nil {
		return one(failure, "database", err.Error(), advice)
	}
	others = append(others, clients...)
	if sqlite {
		return append(one(good, "database", path+" answers, schema current", ""), others...)
	}
	version, latency, err := db.Server(ctx)
	if err != nil {
		return one(failure, "database", err.Error(), advice)
	}
	text := fmt.Sprintf("%s answers in %v, schema current", version, latency.Round(10*time.Microsecond))
	if latency > farAway {
		return append(one(warning, "database", text, "every visit waits for one answer; run the service near its database"), others...)
	}
	return append(one(good, "database", text, ""), others...)
}

// farAway is a latency that visitors notice, as a login makes a dozen statements.
const farAway = 20 * time.Millisecond

// Free space that is worth a warning, and that is a failure. A person takes some kilobytes.
const (
	spaceLow  = 512 << 20
	spaceNone = 32 << 20
)

func (d *doctor) checkDisk(context.Context) []finding {
	path, sqlite := d.sqliteFile()
	if !sqlite {
		return nil
	}
	disk, ok := diskOf(filepath.Dir(path))
	if !ok {
		return skip("disk", "cannot be asked here")
	}
	return judgeDisk(filepath.Dir(path), disk)
}

// disk is what we know of a file system.
type disk struct {
	free    uint64 // bytes that the service can use
	network string // kind of network file system, or empty
}

func judgeDisk(folder string, disk disk) []finding {
	text := fmt.Sprintf("%d MB free in %s", disk.free>>20, folder)
	const freeSpace = "make room; `server backup` files and logs may move elsewhere"
	switch {
	case disk.free < spaceNone:
		return one(failure, "disk", text, freeSpace)
	case disk.free < spaceLow:
		return one(warning, "disk", text, freeSpace)
	case disk.network != "":
		return one(warning, "disk", folder+" is on a network file system ("+disk.network+"); SQLite's locks and WAL do not work there reliably",
			"keep the database on a local disk or block volume, or use Postgres")
	}
	return one(good, "disk", text, "")
}

// checkProxies finds a service that takes its proxy for the only visitor. The service
// speaks no TLS itself, so https means that it is behind a proxy.
func (d *doctor) checkProxies(context.Context) []finding {
	public := d.config.PublicURL
	if public == nil {
		return skip("proxies", "WXLOGIN_PUBLIC_URL is not valid")
	}
	for _, prefix := range d.config.Proxies {
		if prefix.IsValid() && prefix.Bits() == 0 {
			return one(warning, "proxies", prefix.String()+" trusts everybody: any client can make up its own address",
				"name the addresses of your proxies alone in WXLOGIN_TRUSTED_PROXIES")
		}
	}
	switch {
	case len(d.config.Proxies) > 0:
		return one(good, "proxies", fmt.Sprintf("X-Forwarded-For is believed from %s", d.settings.TrustedProxies), "")
	case public.Scheme != "https" || auth.IsLoopback(public.Hostname()):
		return one(good, "proxies", "none", "")
	}
	advice := "set WXLOGIN_TRUSTED_PROXIES to your proxy's address or network, and have it set X-Forwarded-For"
	if settings.OnLoopback(d.settings.Addr) {
		advice = "set WXLOGIN_TRUSTED_PROXIES=127.0.0.1/32,::1/128, and have the proxy set X-Forwarded-For"
	}
	return one(warning, "proxies", "the public URL is https, so a proxy stands before the service, and WXLOGIN_TRUSTED_PROXIES is empty: the limit of requests and the log take all visitors for one", advice)
}
