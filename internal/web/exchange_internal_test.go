package web

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
)

// Headers whose values lie together stay apart, whatever is added to one, and
// however many there are.
func TestHeadersOfAnExchange(t *testing.T) {
	w := httptest.NewRecorder()
	x := &exchange{ResponseWriter: w}
	name := func(i int) string { return "X-" + strconv.Itoa(i) }
	const many = len(x.values) + 3
	for i := range many {
		x.set(name(i), strconv.Itoa(i))
		w.Header().Add(name(i), "more")
	}
	x.set(name(1), "again")
	for i := range many {
		want := []string{strconv.Itoa(i), "more"}
		if i == 1 {
			want = []string{"again"}
		}
		if got := w.Header()[name(i)]; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name(i), got, want)
		}
	}
}
