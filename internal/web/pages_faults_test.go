package web

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// faults is what is wrong with a page, whoever sees it.
func faults(page, lang string, says []string) []string {
	var bad []string
	fault := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }

	if !strings.HasPrefix(page, "<!doctype html>\n") {
		fault("begins with %.40q", page)
	}
	if strings.Contains(page, "ZgotmplZ") {
		fault("html/template has refused a value")
	}
	for _, tag := range unbalanced(page) {
		fault("unbalanced <%s>", tag)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return append(bad, err.Error())
	}

	count := make(map[atom.Atom]int)
	ids, labelled, titles := make(map[string]bool), make(map[string]bool), []string{}
	var controls []*html.Node
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.DataAtom]++
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				fault("<%s> with inline %s", n.Data, a.Key)
			}
			if loads(n, a.Key) && !strings.HasPrefix(a.Val, "/wx/") && n.DataAtom != atom.Iframe {
				fault("<%s> loads %q, which is not below the prefix", n.Data, a.Val)
			}
			if (a.Key == "href" || a.Key == "action") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				fault("<%s> runs %q", n.Data, a.Val)
			}
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				fault("two elements with id %q", id)
			}
			ids[id] = true
		}
		switch n.DataAtom {
		case atom.Script:
			// The page that waits has one and so have the admin pages, and it is not written
			// into the page.
			has := strings.Contains(page, `id="scan"`) || strings.Contains(page, "/admin.css") && strings.HasSuffix(attr(n, "src"), "/admin.js")
			if attr(n, "src") == "" || text(n) != "" || !has {
				fault("<%s>", n.Data)
			}
		case atom.Iframe: // of WeChat's QR code, and of nothing else
			if !strings.HasPrefix(attr(n, "src"), "https://open.weixin.qq.com/connect/qrconnect?") || attr(n, "sandbox") == "" || attr(n, "title") == "" {
				fault("<%s>", n.Data)
			}
		case atom.Style, atom.Object, atom.Embed, atom.Base:
			fault("<%s>", n.Data)
		case atom.Html:
			want := map[string]string{"zh_CN": "zh-CN", "zh_TW": "zh-TW", "en": "en"}[lang]
			if attr(n, "lang") != want {
				fault("lang=%q, want %q", attr(n, "lang"), want)
			}
		case atom.Title:
			if n.Namespace == "svg" {
				continue
			}
			titles = append(titles, text(n))
		case atom.Label:
			labelled[attr(n, "for")] = true
		case atom.Input, atom.Select, atom.Textarea:
			if attr(n, "type") != "hidden" {
				controls = append(controls, n)
			}
		case atom.Img:
			if !has(n, "alt") || !has(n, "width") || !has(n, "height") {
				fault("<img src=%q> without alt, width or height", attr(n, "src"))
			}
		case atom.Th:
			if attr(n, "scope") == "" {
				fault("<th> without scope: %s", text(n))
			}
		case atom.A, atom.Button:
			if strings.TrimSpace(text(n)) == "" {
				fault("<%s> that says nothing", n.Data)
			}
		case atom.Form:
			if m := attr(n, "method"); m != "post" && attr(n, "role") != "search" {
				fault("form with method %q", m)
			}
		}
	}
	for n := range doc.Descendants() {
		for _, key := range []string{"aria-labelledby", "aria-describedby"} {
			if id := attr(n, key); id != "" && !ids[id] {
				fault("%s=%q names nothing", key, id)
			}
		}
	}
	for _, c := range controls {
		if id := attr(c, "id"); id == "" || !labelled[id] {
			fault("<%s name=%q> without a label", c.Data, attr(c, "name"))
		}
	}
	if count[atom.H1] != 1 || count[atom.Main] != 1 {
		fault("%d h1 and %d main", count[atom.H1], count[atom.Main])
	}
	if len(titles) != 1 || strings.TrimSpace(titles[0]) == "" {
		fault("titles %q", titles)
	}
	body := text(doc)
	for _, s := range says {
		if !strings.Contains(body, s) {
			fault("does not say %.60q", s)
		}
	}
	for _, s := range []string{"%!", "<no value>", "<nil>", "0001-01-01"} {
		if strings.Contains(body, s) {
			fault("says %q", s)
		}
	}
	return bad
}

// loads says whether the browser fetches what the attribute names by itself.
func loads(n *html.Node, key string) bool {
	return key == "src" || key == "srcset" || n.DataAtom == atom.Link && key == "href"
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// unbalanced lists the elements that are not closed where they should be. The
// parser repairs such things in silence, differently from what was meant.
func unbalanced(page string) []string {
	void := []string{"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
	var open, bad []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return append(bad, open...)
		case html.StartTagToken:
			name, _ := z.TagName()
			if tag := string(name); !slices.Contains(void, tag) {
				open = append(open, tag)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if last := len(open) - 1; last >= 0 && open[last] == string(name) {
				open = open[:last]
			} else {
				bad = append(bad, "/"+string(name))
			}
		}
	}
}
