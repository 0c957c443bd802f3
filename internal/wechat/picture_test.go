package wechat_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"wxlogin/internal/auth"
	"wxlogin/internal/wechat"
)

// copyOf is what a client makes of a file that WeChat serves.
func copyOf(t *testing.T, file []byte) ([]byte, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(file) }))
	defer server.Close()
	client := wechat.New(wechat.Config{APIURL: server.URL + "/"})
	return client.Picture(t.Context(), server.URL+"/132")
}

func wantCopy(t *testing.T, file []byte) image.Image {
	t.Helper()
	small, err := copyOf(t, file)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if len(small) > 20<<10 {
		t.Errorf("the copy has %d bytes", len(small))
	}
	return img
}

func wantColor(t *testing.T, img image.Image, x, y int, want color.Color) {
	t.Helper()
	r, g, b, _ := img.At(x, y).RGBA()
	wr, wg, wb, _ := want.RGBA()
	for i, d := range []int{int(r) - int(wr), int(g) - int(wg), int(b) - int(wb)} {
		if d/257 > 6 || d/257 < -6 {
			t.Fatalf("at %d,%d: channel %d is off by %d", x, y, i, d/257)
		}
	}
}

func encoded(t *testing.T, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t *testing.T, img image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

func asGIF(t *testing.T, frames *gif.GIF) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return gif.EncodeAll(b, frames) })
}

var (
	red  = color.RGBA{200, 30, 30, 255}
	blue = color.RGBA{30, 30, 200, 255}
)

func filled(w, h int, c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func TestPictureSizes(t *testing.T) {
	for _, test := range []struct{ w, h, wantW, wantH int }{
		{640, 640, 132, 132},
		{132, 132, 132, 132},
		{133, 133, 132, 132},
		{46, 46, 46, 46},
		{1, 1, 1, 1},
		{300, 150, 132, 66},
		{150, 300, 66, 132},
		{4096, 3, 132, 1},
		{1, 4096, 1, 132},
		{2048, 2048, 132, 132},
	} {
		img := wantCopy(t, asPNG(t, filled(test.w, test.h, red)))
		if size := img.Bounds().Size(); size != image.Pt(test.wantW, test.wantH) {
			t.Errorf("%d by %d became %v", test.w, test.h, size)
		}
		wantColor(t, img, 0, 0, red)
		wantColor(t, img, test.wantW-1, test.wantH-1, red)
	}
}

// Halves stay halves, and a fine pattern becomes its mean and no stripes.
func TestPictureScaling(t *testing.T) {
	halves, pattern := filled(200, 200, red), filled(396, 396, color.White)
	for y := range 200 {
		for x := 100; x < 200; x++ {
			halves.Set(x, y, blue)
		}
	}
	for y := range 396 {
		for x := range 396 {
			if (x+y)%2 == 0 {
				pattern.Set(x, y, color.Black)
			}
		}
	}
	img := wantCopy(t, asPNG(t, halves))
	wantColor(t, img, 5, 66, red)
	wantColor(t, img, 126, 66, blue)
	img = wantCopy(t, asPNG(t, pattern))
	for i := 8; i < 132; i += 31 {
		r, _, _, _ := img.At(i, i).RGBA()
		if r>>8 < 100 || r>>8 > 156 {
			t.Errorf("grey of %d at %d", r>>8, i)
		}
	}
}

func TestPictureKinds(t *testing.T) {
	paletted := func(c color.Color, r image.Rectangle) *image.Paletted {
		img := image.NewPaletted(r, color.Palette{c, color.Transparent})
		return img
	}
	t.Run("jpeg", func(t *testing.T) {
		file := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, filled(300, 300, blue), nil) })
		wantColor(t, wantCopy(t, file), 60, 60, blue)
	})
	t.Run("transparent", func(t *testing.T) {
		img := wantCopy(t, asPNG(t, image.NewNRGBA(image.Rect(0, 0, 300, 300))))
		wantColor(t, img, 60, 60, color.White)
	})
	t.Run("half transparent", func(t *testing.T) {
		img := wantCopy(t, asPNG(t, filled(40, 40, color.NRGBA{255, 0, 0, 128})))
		wantColor(t, img, 20, 20, color.RGBA{255, 127, 127, 255})
	})
	t.Run("16 bits", func(t *testing.T) {
		src := image.NewRGBA64(image.Rect(0, 0, 200, 200))
		for i := range src.Pix {
			src.Pix[i] = 0xff
		}
		wantColor(t, wantCopy(t, asPNG(t, src)), 60, 60, color.White)
	})
	t.Run("first frame", func(t *testing.T) {
		all := image.Rect(0, 0, 200, 200)
		img := wantCopy(t, asGIF(t, &gif.GIF{Image: []*image.Paletted{paletted(red, all), paletted(blue, all)}, Delay: []int{1, 1}}))
		wantColor(t, img, 60, 60, red)
	})
	t.Run("frame with a place", func(t *testing.T) {
		img := wantCopy(t, asGIF(t, &gif.GIF{
			Image:  []*image.Paletted{paletted(red, image.Rect(50, 60, 90, 90))},
			Delay:  []int{1},
			Config: image.Config{Width: 100, Height: 100},
		}))
		wantColor(t, img, 0, 0, red)
	})
	t.Run("noise", func(t *testing.T) {
		noise := image.NewNRGBA(image.Rect(0, 0, 132, 132))
		random := rand.NewChaCha8([32]byte{1})
		random.Read(noise.Pix)
		for i := 3; i < len(noise.Pix); i += 4 {
			noise.Pix[i] = 0xff
		}
		wantCopy(t, asPNG(t, noise))
	})
}

// What hides in a file is not passed on.
func TestPictureIsEncodedAgain(t *testing.T) {
	file := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, filled(20, 20, red), nil) })
	exif := append([]byte("\xff\xe1\x00\x20Exif\x00\x00"), bytes.Repeat([]byte("GPS<script>"), 2)...)
	file = append(append(append([]byte{}, file[:2]...), exif...), file[2:]...)
	file = append(file, "<script>alert(1)</script>"...)
	if _, err := jpeg.DecodeConfig(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	small, err := copyOf(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(small, []byte("script")) || bytes.Contains(small, []byte("GPS")) || bytes.Contains(small, []byte("Exif")) {
		t.Error("the copy holds more than pixels")
	}
}

// pngOf is a PNG that announces a size, with data that need not be of it.
func pngOf(w, h uint32, data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		binary.Write(&b, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		b.Write(body)
		binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, w)
	header = binary.BigEndian.AppendUint32(header, h)
	chunk("IHDR", append(header, 8, 6, 0, 0, 0))
	chunk("IDAT", data)
	chunk("IEND", nil)
	return b.Bytes()
}

func TestPictureRefusals(t *testing.T) {
	good := asPNG(t, filled(20, 20, red))
	small := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, filled(20, 20, red), nil) })
	for name, file := range map[string][]byte{
		"nothing":          {},
		"blanks":           bytes.Repeat([]byte(" "), 1000),
		"webp":             []byte("RIFF\x24\x00\x00\x00WEBPVP8 "),
		"bmp":              []byte("BM\x46\x00\x00\x00\x00\x00"),
		"svg":              []byte("<svg/>"),
		"magic alone":      []byte("\x89PNG\r\n\x1a\n"),
		"jpeg magic alone": []byte("\xff\xd8\xff"),
		"gif magic alone":  []byte("GIF89a"),
		"half a PNG":       good[:len(good)/2],
		"half a JPEG":      small[:len(small)/2],
		"wide":             asPNG(t, image.NewGray(image.Rect(0, 0, 4097, 1))),
		"high":             asPNG(t, image.NewGray(image.Rect(0, 0, 1, 4097))),
		"too many pixels":  asPNG(t, image.NewGray(image.Rect(0, 0, 2049, 2048))),
		"gigabytes":        pngOf(1<<31-1, 1<<31-1, nil),
		"no width":         pngOf(0, 5, nil),
		"no pixels":        pngOf(2048, 2048, []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1}),
		"gif canvas":       []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"),
		"gif frame beyond": []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\x0f\xff\x0f\x00\x02\x02\x44\x01\x00;"),
		"gif without any":  []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"gif empty frame":  []byte("GIF89a\x05\x00\x05\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x02\x44\x01\x00;"),
		"too long a file":  append(good[:len(good):len(good)], make([]byte, 2<<20)...),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := copyOf(t, file); auth.ReasonOf(err) != auth.WeChatFailed || got != nil {
				t.Errorf("%d bytes and %v", len(got), err)
			}
		})
	}
}

// A decoder that a crafted file keeps busy is stopped by the deadline.
func TestPictureThatKeepsADecoderBusy(t *testing.T) {
	file := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, image.NewGray(image.Rect(0, 0, 2048, 2048)), nil) })
	// As a progressive JPEG, with the same scan of every block over and over: 8
	// bytes of scan header and one code for "the rest of the blocks is empty".
	sof := bytes.Index(file, []byte("\xff\xc0"))
	sos := bytes.Index(file, []byte("\xff\xda"))
	file[sof+1] = 0xc2
	busy := append([]byte{}, file[:sos]...)
	dc := append([]byte("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"), bytes.Repeat([]byte{0}, 24<<10)...)
	for len(busy) < 2<<20-len(dc)-2 {
		busy = append(busy, dc...)
	}
	busy = append(busy, 0xff, 0xd9)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(busy) }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := wechat.New(wechat.Config{APIURL: server.URL}).Picture(ctx, server.URL+"/132")
	t.Logf("%v: %v", time.Since(began), err)
	if err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// Nothing is asked but WeChat's image hosts, over https and at their own port.
func TestPictureAddresses(t *testing.T) {
	asked := resolveAll(t, "127.0.0.1")
	client := wechat.New(wechat.Config{APIURL: "https://api.weixin.qq.com"})
	for _, address := range []string{
		"", "/132", "//wx.qlogo.cn/132", "file:///etc/passwd", "javascript:alert(1)", "data:image/png;base64,AA", "ftp://wx.qlogo.cn/1",
		"https://qlogo.cn/132", "https://evilqlogo.cn/132", "https://wx.qlogo.cn.evil.example/132", "https://wx.qlogo.cn./132",
		"https://wx.qlogo.cn:443/132", "http://wx.qlogo.cn:80/132", "https://wx.qlogo.cn:/132", "https://wx.qlogo.cn:22/132",
		"https://a:b@wx.qlogo.cn/132", "https://wx.qlogo.cn@evil.example/132", "https://evil.example/wx.qlogo.cn", "https://evil.example#.qlogo.cn",
		"https://evil.example\\.qlogo.cn/", "https://evil.example%2f.qlogo.cn/", "https://evil.example%00.qlogo.cn/", "https://-.qlogo.cn/", "https://.qlogo.cn/",
		"https://127.0.0.1/132", "https://[::1]/132", "http://169.254.169.254/latest", "https://api.weixin.qq.com/sns/userinfo?access_token=TOKEN",
		"https://wx.qlogo.cn/\x7f?TOKEN",
	} {
		_, err := client.Picture(t.Context(), address)
		if auth.ReasonOf(err) != auth.WeChatFailed {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "TOKEN") {
			t.Errorf("the query is in the error: %v", err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d names were looked up", n)
	}
}

// A name of WeChat's that leads into our own network is not followed there, over
// http addresses and https ones.
func TestPictureHostsHavePublicAddresses(t *testing.T) {
	for _, to := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
		"192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::1", "::", "fe80::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2001::1", "2001:db8::1",
	} {
		t.Run(to, func(t *testing.T) {
			resolveAll(t, to)
			client := wechat.New(wechat.Config{APIURL: "https://api.weixin.qq.com"})
			for _, address := range []string{"http://wx.qlogo.cn/132", "https://THIRDWX.qlogo.cn/mmopen/vi_32/x/132"} {
				_, err := client.Picture(t.Context(), address)
				if err == nil || !strings.Contains(err.Error(), "no public address") {
					t.Errorf("%s: %v", address, err)
				}
			}
		})
	}
}

// A public address is connected to: the refusals are no refusal of everything.
func TestPictureHostsMayBePublic(t *testing.T) {
	for _, to := range []string{"203.205.254.1", "1.2.3.4", "240e::1"} {
		if !wechat.Public(to) {
			t.Errorf("%s is refused", to)
		}
	}
}

// resolveAll makes every name in the world lead to one address, and counts who
// asks.
func resolveAll(t *testing.T, to string) *atomic.Int64 {
	t.Helper()
	var asked atomic.Int64
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		asked.Add(1)
		ours, theirs := net.Pipe()
		go answerName(ours, net.ParseIP(to))
		return theirs, nil
	}}
	return &asked
}

// answerName is a name server for one question, over a stream.
func answerName(conn net.Conn, to net.IP) {
	defer conn.Close()
	var length uint16
	if binary.Read(conn, binary.BigEndian, &length) != nil {
		return
	}
	question := make([]byte, length)
	if _, err := conn.Read(question); err != nil {
		return
	}
	var m dnsmessage.Message
	if m.Unpack(question) != nil {
		return
	}
	m.Header.Response, m.Additionals = true, nil
	q := m.Questions[0]
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
	v4 := to.To4()
	switch {
	case q.Type == dnsmessage.TypeA && v4 != nil:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: [4]byte(v4)}}}
	case q.Type == dnsmessage.TypeAAAA && v4 == nil:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(to.To16())}}}
	}
	answer, err := m.Pack()
	if err != nil {
		return
	}
	conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}
