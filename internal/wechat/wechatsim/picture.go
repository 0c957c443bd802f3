package wechatsim

import (
	"net/http"
)

// virtualKey is the picture of a snapshot page's virtual account.
const virtualKey = "virtual"

// pictureSizes are the last part of a headimgurl; 0 is the largest (official).
var pictureSizes = map[string]int{"0": 640, "46": 46, "64": 64, "96": 96, "132": 132}

// stalePicture returns the answer of an address that has gone stale: status 200, a
// placeholder picture, and a number in this header (field reports).
func stalePicture() reply {
	return reply{status: http.StatusOK, body: placeholder(), header: http.Header{
		"X-Errno": {"-6101"}, "Content-Type": {"image/png"}}}
}

func placeholder() []byte { return draw(Person{Key: "gone", Color: "#d8d8d8"}, 132) }

// picture answers GET /mmopen/vi_32/KEY/SIZE, the address that userinfo gives
// as headimgurl.
func (s *Simulator) picture(r *http.Request) reply {
	size, ok := pictureSizes[r.PathValue("size")]
	p, known := s.person(r.PathValue("key"))
	if r.PathValue("key") == virtualKey && !known {
		p, known = Person{Key: virtualKey, Color: "#b2b8bf"}, true
	}
	if !ok || !known {
		return stalePicture()
	}
	return reply{status: http.StatusOK, body: draw(p, size), person: p.Key, header: http.Header{
		"Content-Type": {"image/png"}, "Cache-Control": {"max-age=3600"}}}
}
