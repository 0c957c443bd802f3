package wechatsim

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// linkOrder is the order of an authorize link's parameters that the official
// guide says is checked by a regular expression; state may be left out.
var linkOrder = []string{"appid", "redirect_uri", "response_type", "scope", "state"}

// linkExtras are accepted behind state (inferred): the documented ones, and those that
// WeChat's client adds by itself (field reports).
var linkExtras = []string{"connect_redirect", "forcePopup", "forceSnapShot", "uin", "key", "pass_ticket", "exportkey", "version", "lang"}

// maxName limits how much of a parameter's name is shown, as it comes from the client.
const maxName = 40

// misshape returns the parameter that makes the query of an authorize link malformed, and
// what is wrong with it; "" for a correct one. With anyOrder each of the five must still
// occur once, and all else is ignored.
func misshape(raw string, q url.Values, anyOrder bool) (parameter, hint string) {
	for _, name := range linkOrder {
		switch {
		case len(q[name]) > 1:
			return name, name + " is there more than once."
		case len(q[name]) == 0 && name != "state":
			return name, name + " is missing."
		}
	}
	if q.Get("response_type") != "code" {
		return "response_type", "response_type must be code."
	}
	if anyOrder {
		return "", ""
	}
	order := linkOrder
	if !q.Has("state") {
		order = order[:4]
	}
	for i, pair := range strings.Split(raw, "&") {
		name, _, hasValue := strings.Cut(pair, "=")
		name = name[:min(len(name), maxName)]
		known := slices.Contains(linkExtras, name)
		switch {
		case !hasValue:
			return name, fmt.Sprintf("%q has no value.", name)
		case i < len(order) && name == order[i], i >= len(order) && known:
		case i >= len(order):
			return name, fmt.Sprintf("%q is no parameter of this page.", name)
		case known || slices.Contains(order, name):
			return name, fmt.Sprintf("%s stands where %s belongs. The order is %s, then what else there is.", name, order[i], strings.Join(linkOrder, ", "))
		default:
			return name, fmt.Sprintf("%q stands where %s belongs, and is no parameter of this page. Is redirect_uri percent-encoded?", name, order[i])
		}
	}
	return "", ""
}

// linkTo returns WeChat's page that a query belongs to, for the way from the simulator's own
// pages back to a login.
func linkTo(query string) string {
	if uuid, ok := strings.CutPrefix(query, "uuid="); ok {
		return "/connect/confirm?uuid=" + uuid // a phone that has scanned
	}
	if isWebsite(query) {
		return "/connect/qrconnect?" + query
	}
	return "/connect/oauth2/authorize?" + query
}

// isWebsite recognizes the query of a website's login by its scope.
func isWebsite(query string) bool {
	q, err := url.ParseQuery(query)
	return err == nil && q.Get("scope") == ScopeLogin
}
