package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wxlogin/bench/rig"
)

// report is the results of a run.
type report struct {
	machine  machine
	took     time.Duration
	sections []*section
	bars     []bar
}

// section is a table. The first column is text, all others are numbers.
type section struct {
	title   string
	rank    int // position in the report
	columns []string
	rows    [][]string
}

// bar is one of the ratios of the chart. A ratio without an aim has 0.
type bar struct {
	label      string
	ratio, aim float64
}

// Ranks of the sections.
const (
	compared = iota
	grown
	asked
	used
)

func (r *report) section(rank int, title string, columns ...string) *section {
	for _, s := range r.sections {
		if s.title == title {
			return s
		}
	}
	s := &section{title: title, rank: rank, columns: columns}
	r.sections = append(r.sections, s)
	return s
}

func (s *section) add(cells ...string) { s.rows = append(s.rows, cells) }

// Our aims.
const (
	aimVisit  = .80
	aimVerify = .85
	aimLogins = 1.0

	aimUserinfo = .60
	aimTrip     = 1.0 // three signatures to a whole trip
)

// visits adds the loads of one path: those of the bare handler, then those of each service.
func (r *report) visits(part string, sides []rig.Side, loads [][]rig.Load) {
	title, label, aim := "Repeat visit: `GET /`, signed in", "repeat visit", aimVisit
	switch part {
	case "verify":
		title, label, aim = "Forward auth: `GET /verify`, signed in", "verify", aimVerify
	case "userinfo":
		title, label, aim = "OpenID Connect: `GET /oidc/userinfo`, each call with a token of its own", "userinfo", aimUserinfo
	}
	s := r.section(compared, title, "", "requests/s", "p50", "p99", "CPU a request", "requests/s : bare", "CPU : bare")
	for i, side := range sides {
		cells := []string{side.Name,
			fmt.Sprintf("%.0f", rig.Medians(loads[i], rig.Load.Rate)),
			short(medianOf(loads[i], func(l rig.Load) time.Duration { return l.P50 })),
			short(medianOf(loads[i], func(l rig.Load) time.Duration { return l.P99 })),
			short(medianOf(loads[i], rig.Load.CPUEach)),
			"1", "1",
		}
		if i > 0 {
			rate := ratioOf(loads[i], loads[0], rig.Load.Rate)
			cpu := ratioOf(loads[0], loads[i], func(l rig.Load) float64 { return l.CPUEach().Seconds() })
			cells[5], cells[6] = ratio(rate), ratio(cpu)
			r.bars = append(r.bars, bar{label + ", requests/s, " + side.Name, rate, aim}, bar{label + ", CPU, " + side.Name, cpu, aim})
		}
		s.add(cells...)
	}
	for i := 2; i < len(sides); i++ {
		r.growth(label, sides[i].Name, sides[1].Name,
			ratioOf(loads[i], loads[1], rig.Load.Rate),
			ratioOf(loads[1], loads[i], func(l rig.Load) float64 { return l.CPUEach().Seconds() }))
	}
}

func (r *report) growth(label, more, fewer string, rate, cpu float64) {
	r.section(grown, growthTitle, "", "rate", "CPU").
		add(fmt.Sprintf("%s, %s : %s", label, more, fewer), ratio(rate), ratio(cpu))
	r.bars = append(r.bars, bar{fmt.Sprintf("%s, %s : %s", label, more, fewer), rate, 0})
}

// logins adds the rounds of each kind and database, and the bare rows that were written
// between them.
func (r *report) logins(stores []*stored, rows []written, rounds map[string][]loginRound) {
	s := r.section(compared, "Whole logins, each on the disk before it is answered", "", "a second", "p50", "p99", "CPU of the server, each", "a second : bare rows", "server", "WeChat", "phones")
	s.add("bare one-row transactions", fmt.Sprintf("%.0f", rig.Medians(rows, written.rate)), "", "", "", "1", "", "", "")
	rate := func(l loginRound) float64 { return l.Rate() }
	for _, kind := range []string{returning, firstTime} {
		for i, st := range stores {
			of := rounds[kind+st.name()]
			var ratios []float64
			for k := range of {
				ratios = append(ratios, of[k].Rate()/rows[k].rate())
			}
			share := func(name string) string {
				return fmt.Sprintf("%.0f %%", 100*rig.Medians(of, func(l loginRound) float64 { return l.shares[name] }))
			}
			s.add(kind+", "+st.name(), fmt.Sprintf("%.0f", rig.Medians(of, rate)),
				short(medianOf(of, func(l loginRound) time.Duration { return l.P50 })),
				short(medianOf(of, func(l loginRound) time.Duration { return l.P99 })),
				short(medianOf(of, func(l loginRound) time.Duration { return l.CPUEach() })),
				ratio(rig.Median(ratios)), share("server"), share("WeChat"), share("phones"))
			r.bars = append(r.bars, bar{"logins, " + kind + ", " + st.name(), rig.Median(ratios), aimLogins})
			if i > 0 {
				few := rounds[kind+stores[0].name()]
				r.growth("logins, "+kind, st.name(), stores[0].name(), ratioOf(of, few, rate),
					ratioOf(few, of, func(l loginRound) float64 { return l.CPUEach().Seconds() }))
			}
		}
	}
}

// distance adds the times of callbacks, by kind of login.
func (r *report) distance(took map[string][]time.Duration) {
	s := r.section(compared, "The callback, with WeChat behind TLS 1.3 and a round trip of "+short(roundTrip), "", "logins", "p50", "p99", "round trips it needs", "aim")
	for _, kind := range []string{returning, firstTime} {
		p50, most := rig.Quantile(took[kind], .5), time.Duration(calls[kind])*roundTrip+aimCallback
		s.add(kind, fmt.Sprint(len(took[kind])), short(p50), short(rig.Quantile(took[kind], .99)), fmt.Sprint(calls[kind]),
			limited(p50.Seconds(), "p50 at most "+short(most), most.Seconds()))
	}
}

// trips adds the rounds of each provider, wxlogin first, and the signatures that were made
// between them.
func (r *report) trips(providers []*provider, signatures []signed, rounds [][]tripRound) {
	t := r.section(compared, tripsTitle, "", "authorize", "token", "userinfo", "the trip", "trips a second", "three signatures : trip", "of wxlogin's")
	ms := func(seconds float64) string { return short(time.Duration(seconds * float64(time.Second))) }
	t.add("three signatures of RS256", "", "", "", ms(3*rig.Medians(signatures, signed.each)), "", "1", "")
	for i, p := range providers {
		var cells []string
		for step := range tripSteps {
			cells = append(cells, ms(rig.Medians(rounds[i], func(r tripRound) float64 { return r.each(step) })))
		}
		var ratios []float64
		for k, one := range rounds[i] {
			ratios = append(ratios, 3*signatures[k].each()/one.trip())
		}
		t.add(append(append([]string{p.name}, cells...), ms(rig.Medians(rounds[i], tripRound.trip)),
			fmt.Sprintf("%.0f", rig.Medians(rounds[i], tripRound.rate)), ratio(rig.Median(ratios)),
			ratio(ratioOf(rounds[i], rounds[0], tripRound.trip)))...)
		if i == 0 {
			r.bars = append(r.bars, bar{"three RS256 signatures : a trip, CPU", rig.Median(ratios), aimTrip})
		}
	}
}

func (r *report) admin(s *stored, results []adminResult) {
	t := r.section(asked, "The admin pages, "+s.name(), "", "asked", "p50", "p95")
	for _, result := range results {
		t.add(result.name, fmt.Sprint(result.asked), short(result.p50), short(result.p95))
	}
}

const (
	growthTitle = "Growth: many people stored against few"
	memoryTitle = "Memory and start"
	tripsTitle  = "OpenID Connect: processor time of a trip of somebody who is signed in and has agreed"
)

// arrange sorts the sections by rank, in whatever order they were measured, and bars with an
// aim before those without.
func (r *report) arrange() {
	slices.SortStableFunc(r.sections, func(a, b *section) int { return a.rank - b.rank })
	aimless := func(b bar) int {
		if b.aim == 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(r.bars, func(a, b bar) int { return aimless(a) - aimless(b) })
}

// ratioOf returns the median of the rounds' ratios: whatever slowed a round down slowed both
// of its sides.
func ratioOf[T any](over, under []T, of func(T) float64) float64 {
	var ratios []float64
	for i := range over {
		if under := of(under[i]); under > 0 {
			ratios = append(ratios, of(over[i])/under)
		}
	}
	return rig.Median(ratios)
}

func medianOf[T any](rounds []T, of func(T) time.Duration) time.Duration {
	return time.Duration(rig.Medians(rounds, func(t T) float64 { return float64(of(t)) }))
}

func ratio(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", v)
}

// short formats a time with three digits.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func megabytes(n int64, ok bool) string {
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// writeText shows the report on a terminal.
func (r *report) writeText(w io.Writer) {
	for _, line := range r.machine.lines() {
		fmt.Fprintln(w, line)
	}
	for _, s := range r.sections {
		fmt.Fprintf(w, "\n%s\n", s.title)
		table := append([][]string{s.columns}, s.rows...)
		widths := make([]int, len(s.columns))
		for _, row := range table {
			for i, cell := range row {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
		for _, row := range table {
			for i, cell := range row {
				gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
				if i == 0 {
					fmt.Fprint(w, "  ", cell, gap)
				} else {
					fmt.Fprint(w, "  ", gap, cell)
				}
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintf(w, "\nRatios are medians of the rounds' own. %.0f seconds in all.\n", r.took.Seconds())
}
