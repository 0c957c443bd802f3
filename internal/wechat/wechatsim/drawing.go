package wechatsim

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"sync"
)

// draw paints a person's picture: a face on a coloured tile with hair, eyes and mouth chosen
// by the key, so that people are easy to tell apart.
func draw(p Person, size int) []byte {
	return drawings.draw(drawing{p.Key, p.Color, size})
}

// drawing is everything that a picture depends on.
type drawing struct {
	key, color string
	size       int
}

// drawings are shared by all simulators of a process: tests make hundreds of simulators with
// the same few people, and drawing a picture takes longer than a login.
var drawings gallery

// gallery caches the first pictures that it draws.
type gallery struct {
	mu    sync.Mutex
	drawn map[drawing][]byte
}

const mostDrawings = 100

func (g *gallery) draw(d drawing) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if png, ok := g.drawn[d]; ok {
		return png
	}
	png := d.paint()
	if g.drawn == nil {
		g.drawn = make(map[drawing][]byte)
	}
	if len(g.drawn) < mostDrawings {
		g.drawn[d] = png
	}
	return png
}

func (d drawing) paint() []byte {
	h := fnv.New32a()
	h.Write([]byte(d.key))
	look := h.Sum32()

	c := canvas{size: d.size, img: image.NewNRGBA(image.Rect(0, 0, d.size, d.size))}
	tile := parseColor(d.color, look)
	c.fill(lighter(tile, 0.16), tile)
	c.face(look, tile)

	var b bytes.Buffer
	png.Encode(&b, c.img) // writing to memory does not fail
	return b.Bytes()
}

// canvas is a square image with coordinates from 0 to 1.
type canvas struct {
	size int
	img  *image.NRGBA
}

// A shape is its signed distance: below 0 inside, in units of the canvas.
type shape func(x, y float64) float64

func circle(cx, cy, r float64) shape {
	return func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) - r }
}

func ellipse(cx, cy, rx, ry float64) shape {
	return func(x, y float64) float64 {
		return (math.Hypot((x-cx)/rx, (y-cy)/ry) - 1) * math.Min(rx, ry)
	}
}

func band(cx, half float64) shape {
	return func(x, _ float64) float64 { return math.Abs(x-cx) - half }
}

func and(a, b shape) shape {
	return func(x, y float64) float64 { return math.Max(a(x, y), b(x, y)) }
}

func or(a, b shape) shape {
	return func(x, y float64) float64 { return math.Min(a(x, y), b(x, y)) }
}

func not(a shape) shape {
	return func(x, y float64) float64 { return -a(x, y) }
}

func above(line float64) shape {
	return func(_, y float64) float64 { return y - line }
}

// fill fills the canvas with a gradient from the top left to the bottom right corner.
func (c canvas) fill(from, to color.NRGBA) {
	for y := range c.size {
		for x := range c.size {
			c.img.SetNRGBA(x, y, mix(from, to, float64(x+y)/float64(2*c.size)))
		}
	}
}

// paint fills a shape, with soft edges one pixel wide.
func (c canvas) paint(s shape, with color.NRGBA) {
	n := float64(c.size)
	for y := range c.size {
		for x := range c.size {
			d := s((float64(x)+0.5)/n, (float64(y)+0.5)/n) * n
			if cover := min(max(0.5-d, 0), 1); cover > 0 {
				cover *= float64(with.A) / 255
				c.img.SetNRGBA(x, y, mix(c.img.NRGBAAt(x, y), with, cover))
			}
		}
	}
}

func (c canvas) face(look uint32, tile color.NRGBA) {
	var (
		skin  = []color.NRGBA{{255, 224, 196, 255}, {246, 205, 170, 255}, {222, 172, 132, 255}}[look%3]
		hair  = []color.NRGBA{{46, 40, 44, 255}, {84, 56, 44, 255}, {38, 50, 66, 255}}[look/3%3]
		ink   = color.NRGBA{48, 40, 44, 255}
		shirt = darker(tile, 0.30)
		blush = color.NRGBA{240, 128, 110, 90}
	)
	head := ellipse(0.5, 0.50, 0.205, 0.225)
	long := look/9%2 == 0

	if long { // behind the shoulders
		c.paint(or(ellipse(0.5, 0.47, 0.265, 0.27), and(ellipse(0.5, 0.62, 0.275, 0.26), above(0.80))), hair)
	}
	c.paint(ellipse(0.5, 1.06, 0.37, 0.29), shirt)
	c.paint(or(and(band(0.5, 0.078), and(above(0.785), not(above(0.6)))), ellipse(0.5, 0.785, 0.078, 0.052)), darker(skin, 0.10))
	if !long {
		c.paint(or(circle(0.295, 0.52, 0.042), circle(0.705, 0.52, 0.042)), skin)
	}
	c.paint(head, skin)

	crown := ellipse(0.5, 0.45, 0.235, 0.225)
	switch look / 18 % 3 {
	case 0: // fringe
		c.paint(and(crown, and(above(0.44), not(ellipse(0.5, 0.54, 0.17, 0.13)))), hair)
	case 1: // parted at the side
		c.paint(and(crown, and(above(0.47), not(ellipse(0.57, 0.56, 0.21, 0.18)))), hair)
	case 2: // curls
		curls := circle(0.5, 0.275, 0.085)
		for i := range 6 {
			a := math.Pi + float64(i)*math.Pi/5
			curls = or(curls, circle(0.5+0.195*math.Cos(a), 0.43+0.145*math.Sin(a), 0.072))
		}
		c.paint(curls, hair)
	}

	if look/54%3 == 0 { // glasses
		for _, x := range []float64{0.415, 0.585} {
			c.paint(and(circle(x, 0.515, 0.062), not(circle(x, 0.515, 0.049))), ink)
		}
		c.paint(ellipse(0.5, 0.51, 0.026, 0.009), ink)
	}
	c.paint(or(ellipse(0.415, 0.515, 0.020, 0.025), ellipse(0.585, 0.515, 0.020, 0.025)), ink)
	c.paint(or(circle(0.36, 0.585, 0.032), circle(0.64, 0.585, 0.032)), blush)
	switch look / 162 % 2 {
	case 0: // smile
		c.paint(and(and(circle(0.5, 0.575, 0.075), not(circle(0.5, 0.555, 0.078))), not(above(0.6))), ink)
	case 1: // laugh
		c.paint(and(ellipse(0.5, 0.605, 0.062, 0.055), not(above(0.605))), color.NRGBA{150, 52, 56, 255})
	}
}

// parseColor reads #rrggbb, or picks a colour for the look.
func parseColor(text string, look uint32) color.NRGBA {
	if len(text) == 7 && text[0] == '#' {
		if n, err := strconv.ParseUint(text[1:], 16, 32); err == nil {
			return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}
		}
	}
	palette := []color.NRGBA{
		{7, 193, 96, 255}, {16, 174, 255, 255}, {100, 103, 240, 255}, {250, 157, 59, 255},
		{224, 80, 61, 255}, {44, 160, 150, 255}, {200, 90, 160, 255}, {110, 130, 150, 255},
	}
	return palette[int(look>>8)%len(palette)]
}

func lighter(c color.NRGBA, by float64) color.NRGBA {
	return mix(c, color.NRGBA{255, 255, 255, 255}, by)
}

func darker(c color.NRGBA, by float64) color.NRGBA { return mix(c, color.NRGBA{0, 0, 0, 255}, by) }

func mix(a, b color.NRGBA, t float64) color.NRGBA {
	part := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*t)) }
	return color.NRGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 255}
}
