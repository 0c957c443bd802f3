package main

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxlogin/internal/web"
)

// Every answer counts under its own labels, whoever else is answered beside.
func TestAnswersAreCounted(t *testing.T) {
	o := observers{newMetrics(), nil}
	answers := []web.AccessRecord{
		{Method: http.MethodGet, Route: "/verify", Status: 200},
		{Method: http.MethodGet, Route: "/verify", Status: 401},
		{Method: http.MethodHead, Route: "/verify", Status: 200},
		{Method: http.MethodGet, Route: "/", Status: 200},
		{Method: http.MethodGet, Route: "/scan/events", Status: 200},
		{Method: http.MethodGet, Route: "/wx/scan/events", Status: 200},
		{Method: "BREW", Route: "none", Status: 405},
		{Method: "MADE-UP", Route: "none", Status: 405},
	}
	const who, times = 4, 50
	var wg sync.WaitGroup
	for range who {
		wg.Go(func() {
			for range times {
				for i, a := range answers {
					for range i + 1 {
						a.Took = time.Duration(i) * time.Millisecond
						o.request(t.Context(), a)
					}
				}
			}
		})
	}
	wg.Wait()
	families, err := o.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted, timed := make(map[string]float64), make(map[string]uint64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string // in the order of their names
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			switch family.GetName() {
			case "wxlogin_http_requests_total":
				counted[strings.Join(labels, " ")] = metric.GetCounter().GetValue() / who / times
			case "wxlogin_http_request_duration_seconds":
				timed[strings.Join(labels, " ")] = metric.GetHistogram().GetSampleCount() / who / times
			}
		}
	}
	wantCounted := map[string]float64{
		"GET /verify 200": 1, "GET /verify 401": 2, "HEAD /verify 200": 3, "GET / 200": 4,
		"GET /scan/events 200": 5, "GET /wx/scan/events 200": 6, "other none 405": 7 + 8,
	}
	if !maps.Equal(counted, wantCounted) {
		t.Errorf("counted %v, want %v", counted, wantCounted)
	}
	// Streams last by design.
	if want := map[string]uint64{"/verify": 1 + 2 + 3, "/": 4, "none": 7 + 8}; !maps.Equal(timed, want) {
		t.Errorf("timed %v, want %v", timed, want)
	}
}
