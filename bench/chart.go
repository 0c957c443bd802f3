package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// Dimensions of the chart, in its own units.
const (
	chartWidth = 760
	labelWidth = 320
	barHeight  = 14
	rowHeight  = 24
	topSpace   = 44
	valueSpace = 60
)

// chart draws the ratios as bars with a line at each aim. It has its own light and dark
// colours, as a picture does not inherit those of its page.
func (r *report) chart() []byte {
	full := 1.0
	for _, b := range r.bars {
		full = max(full, b.ratio, b.aim)
	}
	full = math.Ceil(full*4) / 4
	scale := float64(chartWidth-labelWidth-valueSpace) / full
	height := topSpace + rowHeight*len(r.bars) + 16
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title">
<title id="title">Ratios of wxlogin to the bare measure; longer is better</title>
<style>
text{font:12px system-ui,sans-serif;fill:#24292f}
.head{font-weight:600;font-size:14px}
.back{fill:#ffffff}
.bar{fill:#0b7d43}
.missed{fill:#b35900}
.plain{fill:#57606a}
.aim{stroke:#24292f;stroke-width:2}
.grid{stroke:#d0d7de;stroke-width:1}
.small{font-size:11px}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.back{fill:#0d1117}
.bar{fill:#3fb950}
.missed{fill:#db8e3c}
.plain{fill:#8b949e}
.aim{stroke:#e6edf3}
.grid{stroke:#30363d}
}
</style>
<rect class="back" width="%d" height="%d" rx="6"/>
<text class="head" x="12" y="22">Ratio to the bare measure of the same run; the upright line is the aim</text>
`, chartWidth, height, chartWidth, height, chartWidth, height)
	for step := 0.0; step <= full; step += .25 {
		x := labelWidth + step*scale
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text class="small" x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x, topSpace-2, x, height-14, x, height-3, step)
	}
	for i, bar := range r.bars {
		y := topSpace + i*rowHeight
		class := "bar"
		switch {
		case bar.aim == 0:
			class = "plain"
		case bar.ratio < bar.aim:
			class = "missed"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/><text x="%.1f" y="%d">%.2f</text>`+"\n",
			labelWidth-8, y+barHeight-3, html.EscapeString(bar.label), class, labelWidth, y, bar.ratio*scale, barHeight,
			labelWidth+max(bar.ratio, bar.aim)*scale+6, y+barHeight-3, bar.ratio)
		if bar.aim > 0 {
			x := labelWidth + bar.aim*scale
			fmt.Fprintf(&b, `<line class="aim" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", x, y-3, x, y+barHeight+3)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
