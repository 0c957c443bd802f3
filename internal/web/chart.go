package web

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"wxlogin/internal/admin"
)

// The server draws a chart as a picture that is scaled to the page: a day is chartStep units
// wide, and the picture chartHeight high. Its labels are text of the page, in their own
// size.
const (
	chartStep   = 10
	chartHeight = 100
)

// chart is days from left to right, each with bars of one or more series.
type chart struct {
	Days   []chartDay // oldest first
	Series []series
	Width  int
	// Stacked says that the bars of a day are stacked.
	Stacked bool
	Top     int64 // the value at full height; even
	Any     bool  // at least one count is not 0
}

type chartDay struct {
	Day    time.Time // its beginning
	Counts []int64   // by series
	Bars   []bar     // those that are not empty, in the order of painting
}

// series is one of the values that are counted.
type series struct {
	Key     string // of its words; empty for an errcode
	Errcode int64  // set for a series of one errcode
	Meaning string
	Total   int64
}

// bar is a rectangle. Colour is the number of its series, from 1.
type bar struct {
	Colour              int
	X, Y, Width, Height float64
}

// Names of the series.
const (
	seriesLogins   = "chart.logins"
	seriesNewUsers = "chart.new_users"
	seriesOthers   = "chart.others"
)

// days makes an empty chart of the last n days up to today, in the zone.
func days(now time.Time, zone *time.Location, n int) *chart {
	c := &chart{Width: n * chartStep}
	today := midnight(now, zone)
	for i := n - 1; i >= 0; i-- {
		c.Days = append(c.Days, chartDay{Day: today.AddDate(0, 0, -i)})
	}
	return c
}

func midnight(t time.Time, zone *time.Location) time.Time {
	year, month, day := t.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// since returns the beginning of the first day.
func (c *chart) since() time.Time { return c.Days[0].Day }

// add adds a series of counts.
func (c *chart) add(s series, counts []admin.SlotCount) {
	c.Series = append(c.Series, s)
	k := len(c.Series) - 1
	for i := range c.Days {
		c.Days[i].Counts = append(c.Days[i].Counts, 0)
	}
	for _, slot := range counts {
		// A quarter of an hour belongs to the day in which it begins: in no zone does a day
		// begin within one.
		i, found := slices.BinarySearchFunc(c.Days, slot.At, func(d chartDay, at time.Time) int { return d.Day.Compare(at) })
		if !found {
			i--
		}
		if i < 0 || i >= len(c.Days) {
			continue
		}
		c.Days[i].Counts[k] += slot.Count
		c.Series[k].Total += slot.Count
	}
}

// draw makes the bars: stacked, or all from the base line, with the first series behind the
// second, which is a part of it.
func (c *chart) draw(stacked bool) *chart {
	highest := int64(0)
	for _, day := range c.Days {
		sum := int64(0)
		for _, n := range day.Counts {
			sum += n
			if !stacked {
				highest = max(highest, n)
			}
		}
		if stacked {
			highest = max(highest, sum)
		}
	}
	c.Stacked = stacked
	c.Any, c.Top = highest > 0, roundUp(highest)
	for i := range c.Days {
		base := 0.0
		for k, n := range c.Days[i].Counts {
			if n == 0 {
				continue
			}
			height := float64(n) / float64(c.Top) * chartHeight
			if !stacked {
				base = 0
			}
			base += height
			c.Days[i].Bars = append(c.Days[i].Bars, bar{
				Colour: k + 1, X: float64(i*chartStep) + 1.5, Y: chartHeight - base, Width: chartStep - 3, Height: height,
			})
		}
	}
	return c
}

// Half returns the value at half the height.
func (c *chart) Half() int64 { return c.Top / 2 }

// Middle returns the day in the middle.
func (c *chart) Middle() time.Time { return c.Days[len(c.Days)/2].Day }

// First and Last return the days at the ends.
func (c *chart) First() time.Time { return c.Days[0].Day }
func (c *chart) Last() time.Time  { return c.Days[len(c.Days)-1].Day }

// Rows returns the days of the table of the chart: newest first, without days on which
// nothing happened.
func (c *chart) Rows() []chartDay {
	var rows []chartDay
	for _, day := range slices.Backward(c.Days) {
		if slices.Max(day.Counts) > 0 {
			rows = append(rows, day)
		}
	}
	return rows
}

// roundUp returns the end of a scale that n fits into: 2, 4, 6, 8, 10, 20, 40 …
func roundUp(n int64) int64 {
	for step := int64(1); ; step *= 10 {
		for _, top := range []int64{2 * step, 4 * step, 6 * step, 8 * step, 10 * step} {
			if n <= top {
				return top
			}
		}
	}
}

// maxErrcodes is how many errcodes have a colour of their own.
const maxErrcodes = 5

// addErrcodes adds a series for each of the most frequent errcodes, and one for all others.
func (c *chart) addErrcodes(counts []admin.SlotCount, meaning func(int64) string) {
	byCode, totals := make(map[int64][]admin.SlotCount), make(map[int64]int64)
	for _, slot := range counts {
		byCode[slot.Errcode] = append(byCode[slot.Errcode], slot)
		totals[slot.Errcode] += slot.Count
	}
	codes := slices.SortedFunc(maps.Keys(totals), func(a, b int64) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b))
	})
	var others []admin.SlotCount
	for i, code := range codes {
		if i >= maxErrcodes {
			others = append(others, byCode[code]...)
			continue
		}
		c.add(series{Errcode: code, Meaning: meaning(code)}, byCode[code])
	}
	if len(others) > 0 {
		c.add(series{Key: seriesOthers}, others)
	}
}
