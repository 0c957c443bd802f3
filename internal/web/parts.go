package web

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxlogin/internal/auth"
)

// The profile page answers every repeat visit, and executing its template was the most
// expensive part of one. So the template is executed once for each shape that the page can
// have, with placeholders for a person's data, and a visit writes the data between the
// parts. A test compares the results of both ways.

// shape is what the template of the profile page depends on. There are a few dozen.
type shape struct {
	lang                              string
	demo                              *Demo
	renews, ways                      bool
	sex                               int
	nickname, country, province, city bool
}

func shapeOf(f frame, u *auth.User) shape {
	return shape{f.Lang, f.Demo, f.Renews, f.Ways, u.Sex, u.Nickname != "", u.Country != "", u.Province != "", u.City != ""}
}

// profiles caches the parts of the shapes that have been requested.
type profiles struct {
	zone   *time.Location
	mu     sync.RWMutex
	shapes map[shape][]part
}

// part is fixed text, and the value that follows it.
type part struct {
	text  []byte
	value func(page []byte, u *auth.User) []byte // nil at the end
}

// marked is a person made of placeholders. These are letters and digits, which no escaper
// changes, and occur in no page.
var marked = auth.User{
	ID:           "wxl0id0wxl",
	OpenID:       "wxl0openid0wxl",
	Profile:      auth.Profile{Nickname: "wxl0nickname0wxl", Country: "wxl0country0wxl", Province: "wxl0province0wxl", City: "wxl0city0wxl"},
	FirstLoginAt: time.Date(9871, 1, 2, 3, 4, 5, 0, time.UTC),
	LastLoginAt:  time.Date(9872, 1, 2, 3, 4, 5, 0, time.UTC),
	LoginCount:   98_730_000_000_037,
}

const (
	dateFormat = "2006-01-02 15:04"
	isoFormat  = time.RFC3339
)

// executor executes a page's template.
type executor func(buffer []byte, f frame, p page) ([]byte, error)

// render returns the page of a person; ok is false if the parts do not fit the person.
func (p *profiles) render(buffer []byte, f frame, u *auth.User, execute executor) (page []byte, ok bool) {
	if u.Sex < 0 || u.Sex > 2 || !plainID(u.ID) {
		return nil, false
	}
	key := shapeOf(f, u)
	p.mu.RLock()
	parts, ok := p.shapes[key]
	p.mu.RUnlock()
	if !ok {
		var err error
		if parts, err = p.cut(f, key, execute); err != nil {
			return nil, false // executing the template reports what is wrong
		}
		p.mu.Lock()
		p.shapes[key] = parts
		p.mu.Unlock()
	}
	page = buffer[:0]
	for _, part := range parts {
		page = append(page, part.text...)
		if part.value != nil {
			page = part.value(page, u)
		}
	}
	return page, true
}

// cut executes the template for the marked person in this shape and cuts the page at the
// placeholders.
func (p *profiles) cut(f frame, key shape, execute executor) ([]part, error) {
	u := marked
	u.Sex = key.sex
	for field, shown := range map[*string]bool{&u.Nickname: key.nickname, &u.Country: key.country, &u.Province: key.province, &u.City: key.city} {
		if !shown {
			*field = ""
		}
	}
	rest, err := execute(nil, f, profilePage{User: &u})
	if err != nil {
		return nil, err
	}
	values := p.values()
	var parts []part
	for {
		at, next := -1, ""
		for mark := range values {
			if i := bytes.Index(rest, []byte(mark)); i >= 0 && (at < 0 || i < at) {
				at, next = i, mark
			}
		}
		if at < 0 {
			break
		}
		parts = append(parts, part{rest[:at], values[next]})
		rest = rest[at+len(next):]
	}
	if bytes.Contains(rest, []byte("wxl0")) || len(parts) == 0 {
		return nil, fmt.Errorf("the profile page has a mark that nothing fills")
	}
	return append(parts, part{text: rest}), nil
}

// values returns, for each placeholder, what writes the value.
func (p *profiles) values() map[string]func([]byte, *auth.User) []byte {
	text := func(field func(*auth.User) string) func([]byte, *auth.User) []byte {
		return func(page []byte, u *auth.User) []byte { return append(page, escapeText.Replace(field(u))...) }
	}
	return map[string]func([]byte, *auth.User) []byte{
		marked.ID:       func(page []byte, u *auth.User) []byte { return append(page, u.ID...) }, // see plainID
		marked.OpenID:   text(func(u *auth.User) string { return u.OpenID }),
		marked.Nickname: text(func(u *auth.User) string { return u.Nickname }),
		marked.Country:  text(func(u *auth.User) string { return u.Country }),
		marked.Province: text(func(u *auth.User) string { return u.Province }),
		marked.City:     text(func(u *auth.User) string { return u.City }),
		marked.FirstLoginAt.Format(isoFormat): func(page []byte, u *auth.User) []byte {
			return u.FirstLoginAt.UTC().AppendFormat(page, isoFormat)
		},
		marked.LastLoginAt.Format(isoFormat): func(page []byte, u *auth.User) []byte {
			return u.LastLoginAt.UTC().AppendFormat(page, isoFormat)
		},
		marked.FirstLoginAt.In(p.zone).Format(dateFormat): func(page []byte, u *auth.User) []byte {
			return appendDate(page, u.FirstLoginAt.In(p.zone))
		},
		marked.LastLoginAt.In(p.zone).Format(dateFormat): func(page []byte, u *auth.User) []byte {
			return appendDate(page, u.LastLoginAt.In(p.zone))
		},
		strconv.FormatInt(marked.LoginCount, 10): func(page []byte, u *auth.User) []byte {
			return strconv.AppendInt(page, u.LoginCount, 10)
		},
	}
}

// appendDate appends a time in dateFormat. It shortens RFC 3339, for which package time has a
// fast path.
func appendDate(page []byte, t time.Time) []byte {
	start := len(page)
	page = t.AppendFormat(page, time.RFC3339)
	at := start + bytes.IndexByte(page[start:], 'T')
	page[at] = ' '
	return page[:at+len(" 15:04")]
}

// escapeText escapes a text as html/template does.
var escapeText = strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")

// plainID says whether an id needs no escaping in an address.
func plainID(id string) bool {
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}
