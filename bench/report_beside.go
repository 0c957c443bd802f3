package main

import (
	"fmt"
	"time"

	"wxlogin/bench/rig"
)

// Sections about other programs, another build, and a server with a core for itself.

const (
	besideTitle = "Beside another build"
	flaskTitle  = "Beside the tutorial's Flask program: people new here sign in with `snsapi_userinfo`"
	notMeasured = "not measured"
	apartTitle  = "The server alone on one core; phones, visitors and WeChat on the other"
)

func (r *report) beside() *section {
	return r.section(compared, besideTitle, "", "the other", "this build", "this : the other", "rate : the other's", "aim")
}

func (r *report) visitsBeside(path string, ours, theirs []rig.Load) {
	cpu := ratioOf(ours, theirs, func(l rig.Load) float64 { return l.CPUEach().Seconds() })
	r.beside().add(fmt.Sprintf("`%s`, CPU a request", path),
		short(medianOf(theirs, rig.Load.CPUEach)), short(medianOf(ours, rig.Load.CPUEach)), ratio(cpu),
		ratio(ratioOf(ours, theirs, rig.Load.Rate)), limited(cpu, "at most 1.05", aimOfOthers))
}

func (r *report) loginsBeside(kind string, ours, theirs []loginRound) {
	aim, most := "at most 0.40", aimOfFirst
	if kind == returning {
		aim, most = "at most 0.45", aimOfReturning
	}
	cpu := ratioOf(ours, theirs, func(l loginRound) float64 { return l.CPUEach().Seconds() })
	each := func(l loginRound) time.Duration { return l.CPUEach() }
	r.beside().add("a login, "+kind+", CPU", short(medianOf(theirs, each)), short(medianOf(ours, each)), ratio(cpu),
		ratio(ratioOf(ours, theirs, func(l loginRound) float64 { return l.Rate() })), limited(cpu, aim, most))
}

// distanceBeside adds the times of callbacks.
func (r *report) distanceBeside(ours, theirs map[string][]time.Duration) {
	for _, kind := range []string{returning, firstTime} {
		here, there := rig.Quantile(ours[kind], .5), rig.Quantile(theirs[kind], .5)
		most := time.Duration(calls[kind])*roundTrip + aimCallback
		r.beside().add("the callback with WeChat "+short(roundTrip)+" away, "+kind+", p50", short(there), short(here),
			ratio(here.Seconds()/there.Seconds()), "", limited(here.Seconds(), "at most "+short(most), most.Seconds()))
	}
}

func (r *report) memoryBeside(ours, theirs int64) {
	of := float64(ours) / float64(max(theirs, 1))
	r.beside().add("memory after a load", megabytes(theirs, theirs > 0), megabytes(ours, ours > 0), ratio(of), "", limited(of, "at most 1.05", aimOfOthers))
}

// flask adds the logins at both programs.
func (r *report) flask(ours, theirs []loginRound) {
	s := r.section(compared, flaskTitle, "", "a second", "p50", "CPU of all its processes, each", "CPU : Flask's", "rate : Flask's", "aim")
	cpu := ratioOf(ours, theirs, func(l loginRound) float64 { return l.CPUEach().Seconds() })
	for _, side := range []struct {
		name  string
		of    []loginRound
		cells []string
	}{
		{"Flask, two workers of gunicorn, nothing kept", theirs, []string{"1", "1", ""}},
		{"wxlogin", ours, []string{ratio(cpu), ratio(ratioOf(ours, theirs, func(l loginRound) float64 { return l.Rate() })),
			limited(cpu, "CPU at most 0.40", aimFlask)}},
	} {
		s.add(append([]string{side.name, fmt.Sprintf("%.0f", rig.Medians(side.of, func(l loginRound) float64 { return l.Rate() })),
			short(medianOf(side.of, func(l loginRound) time.Duration { return l.P50 })),
			short(medianOf(side.of, func(l loginRound) time.Duration { return l.CPUEach() }))}, side.cells...)...)
	}
}

// withoutFlask says that Flask is not installed.
func (r *report) withoutFlask() {
	r.section(compared, flaskTitle, "", "why").add(notMeasured, "no python3 here has flask, gunicorn and requests")
}

func (r *report) apartTable() *section {
	return r.section(compared, apartTitle, "", "a second", "p50", "p99", "CPU of the server, each", "aim")
}

// apart adds the logins of one kind.
func (r *report) apart(name string, rounds []loginRound) {
	r.apartTable().add("logins, "+name, fmt.Sprintf("%.0f", rig.Medians(rounds, func(l loginRound) float64 { return l.Rate() })),
		short(medianOf(rounds, func(l loginRound) time.Duration { return l.P50 })),
		short(medianOf(rounds, func(l loginRound) time.Duration { return l.P99 })),
		short(medianOf(rounds, func(l loginRound) time.Duration { return l.CPUEach() })), "")
}

// rush adds the visits without logins, and those during bursts of logins, each of which took
// so long. refused of all those people were asked to try again.
func (r *report) rush(quiet rig.Load, visits []time.Duration, took time.Duration, refused, people int) {
	t := r.apartTable()
	t.add(fmt.Sprintf("visits on %d connections, nobody signs in", lookers), fmt.Sprintf("%.0f", quiet.Rate()), short(quiet.P50), short(quiet.P99), short(quiet.CPUEach()), "")
	p99 := rig.Quantile(visits, .99)
	t.add(fmt.Sprintf("%d people sign in at once: until the last one is", atOnce), "", short(took), "", "", fmt.Sprintf("%d of %d were asked to try again", refused, people))
	t.add("the visits meanwhile", "", short(rig.Quantile(visits, .5)), short(p99), "",
		limited(p99.Seconds(), "p99 at most "+short(aimVisitP99), aimVisitP99.Seconds()))
}

// notApart says why the server could not be pinned to a core.
func (r *report) notApart(err error) {
	r.section(compared, apartTitle, "", "why").add(notMeasured, err.Error())
}
