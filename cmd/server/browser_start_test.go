package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"wxlogin/internal/programs"
)

// openBrowser gives a test the browser that all share, or skips the test where there
// is none. Every tab has cookies of its own, so nobody sees another's.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	wantChromium(t)
	ctx, err := sharedChromium.start()
	if err != nil {
		t.Fatal(err)
	}
	return newBrowser(t, ctx)
}

// openOwnBrowser starts another browser, with these options.
func openOwnBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	wantChromium(t)
	ctx, end, err := startBrowser(t.TempDir(), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return newBrowser(t, ctx)
}

func wantChromium(t *testing.T) {
	t.Helper()
	programs.Wanted(t)
	if chromium() == "" {
		programs.Absent(t, "no Chromium is installed here (Debian: apt-get install chromium-headless-shell)")
	}
}

func newBrowser(t *testing.T, ctx context.Context) *browser {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, screenshots: os.Getenv(screenshotsVariable)}
	if b.screenshots != "" {
		if err := os.MkdirAll(b.screenshots, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

const unwantedFeatures = "Translate,SpareRendererForSitePerProcess"

// startBrowser starts Chromium with its profile in a folder. The contexts of tabs are
// made of the one it returns.
func startBrowser(folder string, more ...chromedp.ExecAllocatorOption) (ctx context.Context, end func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium()),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "zh-CN"),
		// Of what makes pages quick for people, tests need nothing: no process in store for
		// the next page, none for the screen, and one thread that paints.
		chromedp.Flag("disable-features", unwantedFeatures),
		chromedp.Flag("in-process-gpu", true),
		chromedp.Flag("disable-software-rasterizer", true),
		chromedp.Flag("num-raster-threads", "1"),
		chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("disable-threaded-animation", true),
		chromedp.Flag("disable-checker-imaging", true),
		chromedp.UserDataDir(folder),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	end = func() {
		closeBrowser()
		stop()
	}
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, nil, fmt.Errorf("start %s: %w", chromium(), err)
	}
	return ctx, end, nil
}

// sharedBrowser is one Chromium for all tests: to start one takes longer than most
// walks.
type sharedBrowser struct {
	once sync.Once
	ctx  context.Context
	end  func()
	err  error
}

func (s *sharedBrowser) start() (context.Context, error) {
	s.once.Do(func() {
		folder, err := sharedFolder()
		if err != nil {
			s.err = err
			return
		}
		s.ctx, s.end, s.err = startBrowser(filepath.Join(folder, "chromium"))
	})
	return s.ctx, s.err
}
