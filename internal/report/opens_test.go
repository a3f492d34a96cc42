package report_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/rewrite"
)

var (
	moduleFlag  = flag.String("module", "", "a binary, for TestOpens")
	suspendFlag = flag.String("suspend", "wasi_snapshot_preview1.poll_oneoff", "its imports that may suspend")
)

// The page of a large module opens soon and scrolls evenly. How fast it is depends on the
// machine, so that is only told: go test ./internal/report -run TestOpens -v. What is
// checked is that only what is in sight is made.
func TestOpens(t *testing.T) {
	b := browser.Start(t)
	module := *moduleFlag
	if module == "" {
		module = os.Getenv("WATFIBER_CORPUS") + "/go/hello_go.wasm"
	}
	info, err := os.Stat(module)
	if err != nil {
		t.Skip("needs go/hello_go.wasm in the folder that WATFIBER_CORPUS names")
	}
	url := page(t, module, rewrite.Options{Suspend: strings.Split(*suspendFlag, ",")})
	html, err := os.Stat(strings.TrimPrefix(url, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d bytes, the page %d", module, info.Size(), html.Size())
	for range 3 {
		p := b.Open(t)
		p.Call("Performance.enable", map[string]any{"timeDomain": "threadTicks"}, nil)
		p.Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": watched}, nil)
		p.Go(url, "window.opened")
		if rows := p.Text("document.querySelectorAll('.row').length"); rows == "0" || len(rows) > 3 {
			t.Errorf("%s rows are there at once", rows)
		}
		var open struct{ Opened, Tasks float64 }
		read(t, p, "({ Opened: window.opened, Tasks: window.longest() })", &open)
		var scrolled struct {
			Lines, Frames   int
			Median, Longest float64
		}
		toOpen := busy(p)
		read(t, p, scrolling, &scrolled)
		t.Logf("open: painted after %.0f ms, %.0f ms of work, longest task %.0f ms; scroll over %d lines: a frame every %.1f ms, longest %.0f ms, %.1f ms of work for each",
			open.Opened, toOpen, open.Tasks, scrolled.Lines, scrolled.Median, scrolled.Longest, (busy(p)-toOpen)/float64(scrolled.Frames))
		p.NoErrors()
	}
}

// read returns what an expression says.
func read(t *testing.T, p *browser.Page, expression string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Text("(async () => JSON.stringify(await ("+expression+")))()")), into); err != nil {
		t.Fatal(err)
	}
}

// busy returns how long the thread of the page has worked, in milliseconds of its own time:
// what else the machine does does not count.
func busy(p *browser.Page) float64 {
	var all struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	p.Call("Performance.getMetrics", nil, &all)
	for _, m := range all.Metrics {
		if m.Name == "TaskDuration" {
			return m.Value * 1000
		}
	}
	return 0
}

// watched notes when the first lines of code have been painted, in milliseconds since the
// page was asked for, and how long the longest task took: 0 if none took 50 ms.
const watched = `(() => {
  const tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: true });
  window.longest = () => Math.max(0, ...tasks.splice(0));
  new MutationObserver((_, self) => {
    if (!document.querySelector('.row')) return;
    self.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.opened = performance.now(); }));
  }).observe(document, { childList: true, subtree: true });
})()`

// scrolling scrolls through the code, a screen in four frames, and says how long the frames
// took.
const scrolling = `new Promise((done) => {
  const view = document.getElementById('view'), times = [];
  let last = 0;
  const frame = (now) => {
    if (last) times.push(now - last);
    last = now;
    if (times.length < 240 && view.scrollTop + view.clientHeight < view.scrollHeight) {
      view.scrollTop += view.clientHeight / 4;
      return requestAnimationFrame(frame);
    }
    const lines = Math.round(view.scrollTop / 19), frames = times.length;
    times.sort((a, b) => a - b);
    done({ Lines: lines, Frames: frames, Median: times[frames >> 1], Longest: times[frames - 1] });
  };
  requestAnimationFrame(frame);
})`
