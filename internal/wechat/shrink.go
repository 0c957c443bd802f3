package wechat

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"wxlogin/internal/auth"
)

const (
	// maxSide and maxPixels limit what is decoded: a few bytes can announce gigabytes.
	// WeChat's largest are 640 by 640 (official).
	maxSide   = 4096
	maxPixels = 2048 * 2048
	// smallSide is the size of the result: the one in WeChat's own addresses (official),
	// and twice what a page shows.
	smallSide    = 132
	smallQuality = 85
)

// decoders are the formats that are read, by the first bytes of their files. Of a GIF the
// first frame is read. WebP would need another module, and WeChat sends it only to clients
// that accept it.
var decoders = []struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"GIF8", gif.DecodeConfig, gif.Decode},
}

// Shrink implements auth.PictureFetcher.
func (c *Client) Shrink(ctx context.Context, file []byte) ([]byte, error) { return shrink(ctx, file) }

// shrink makes a JPEG of at most 132 by 132 pixels from a picture, on white. Only the pixels
// are kept, so nothing else in the file is passed on: no markup, no script, no location of a
// photo.
func shrink(ctx context.Context, file []byte) ([]byte, error) {
	for _, d := range decoders {
		if !bytes.HasPrefix(file, []byte(d.magic)) {
			continue
		}
		config, err := d.config(bytes.NewReader(file))
		if err != nil {
			return nil, auth.Failf(auth.WeChatFailed, "picture: %w", err)
		}
		if w, h := config.Width, config.Height; w < 1 || h < 1 || w > maxSide || h > maxSide || w*h > maxPixels {
			return nil, auth.Failf(auth.WeChatFailed, "picture: %d by %d pixels", w, h)
		}
		full, err := d.decode(until{ctx, bytes.NewReader(file)})
		if err != nil {
			return nil, auth.Failf(auth.WeChatFailed, "picture: %w", err)
		}
		small, err := scaled(onWhite(full))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: smallQuality}); err != nil {
			return nil, auth.Failf(auth.WeChatFailed, "picture: %w", err)
		}
		return out.Bytes(), nil
	}
	return nil, auth.Failf(auth.WeChatFailed, "picture: neither JPEG nor PNG nor GIF (%d bytes)", len(file))
}

// until is a reader that ends with its context. Decoders take no context, and a crafted file
// of few bytes can keep one busy for long.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// onWhite puts a picture on white: a JPEG has no transparency.
func onWhite(src image.Image) *image.RGBA {
	bounds := image.Rectangle{Max: src.Bounds().Size()}
	dst := image.NewRGBA(bounds)
	draw.Draw(dst, bounds, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, bounds, src, src.Bounds().Min, draw.Over)
	return dst
}

// scaled scales an opaque picture down to smallSide: each new pixel is the mean of the area
// that it covers, fractions of pixels included. A smaller picture stays as it is.
func scaled(src *image.RGBA) (*image.RGBA, error) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	longest := max(w, h)
	switch {
	case w == 0 || h == 0:
		return nil, auth.Failf(auth.WeChatFailed, "picture: a frame without pixels")
	case longest <= smallSide:
		return src, nil
	}
	dw, dh := max(1, w*smallSide/longest), max(1, h*smallSide/longest)
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	columns, rows := shares(w, dw), shares(h, dh)
	for y := range dh {
		for x := range dw {
			var sum [3]int
			for _, row := range rows[y] {
				line := src.Pix[row.at*src.Stride:]
				for _, column := range columns[x] {
					weight, pixel := row.weight*column.weight, line[column.at*4:]
					for i := range sum {
						sum[i] += weight * int(pixel[i])
					}
				}
			}
			area, i := w*h, dst.PixOffset(x, y)
			for c := range sum {
				dst.Pix[i+c] = uint8((sum[c] + area/2) / area)
			}
			dst.Pix[i+3] = 0xff
		}
	}
	return dst, nil
}

// share is how much of a new pixel an old one makes up, in one direction.
type share struct{ at, weight int }

// shares returns for each new pixel the old pixels that it covers. If old pixels are `to`
// wide and new ones `from`, both rows have the same length and all weights are integers; the
// weights of a new pixel add up to from.
func shares(from, to int) [][]share {
	all := make([][]share, to)
	for i := range all {
		begin, end := i*from, (i+1)*from
		for at := begin / to; at*to < end; at++ {
			all[i] = append(all[i], share{at, min(end, (at+1)*to) - max(begin, at*to)})
		}
	}
	return all
}
