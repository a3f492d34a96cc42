package play_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/rewrite"
)

// runs says of an example whether the host of a page can run it: it provides functions, of
// numbers, and needs a memory that is exported.
func (e *example) runs() bool {
	return e.Call != "" && !beyond.MatchString(e.Source) && exported.MatchString(e.Source)
}

var (
	beyond   = regexp.MustCompile(`import "wasi_snapshot_preview1"|\((global|table|memory)[^()]*\(import|\(import[^(]*\((memory|table|global)|v128`)
	exported = regexp.MustCompile(`memory[^)]*export "`)
)

type example struct{ Name, Flags, Source, Call string }

// runExample chooses an example, runs it, and returns what is said.
const runExample = `(async () => {
	document.getElementById('examples').value = %d;
	document.getElementById('examples').dispatchEvent(new Event('change'));
	if (document.querySelector('#problems button')) return document.querySelector('#problems').textContent;
	` + submit + `
})()`

const submit = `document.getElementById('run').requestSubmit();
	while (document.body.dataset.running) await new Promise((done) => setTimeout(done, 2));
	return document.getElementById('log').textContent;`

// saveTrace returns what the download of the recorded run would be.
const saveTrace = `(async () => {
	const make = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
	let blob = null;
	URL.createObjectURL = (b) => { blob = b; return 'data:,' };
	HTMLAnchorElement.prototype.click = () => {};
	document.getElementById('save').value = 'trace';
	document.getElementById('save').dispatchEvent(new Event('change'));
	URL.createObjectURL = make;
	HTMLAnchorElement.prototype.click = click;
	return blob ? blob.text() : '';
})()`

// Every case of the corpus that can be run in a page does there what it does without
// suspending, and its trace is the one that is recorded on wazero.
func TestExamples(t *testing.T) {
	b := browser.Start(t)
	p := b.Open(t)
	p.Go(playground(t), ready)
	var cases []example
	if err := json.Unmarshal([]byte(p.Text("document.getElementById('cases').textContent")), &cases); err != nil {
		t.Fatal(err)
	}
	compared, traced, events, kinds := 0, 0, 0, map[trace.Kind]int{}
	for i, c := range cases {
		if !c.runs() {
			continue
		}
		log := p.Text(fmt.Sprintf(runExample, i))
		switch {
		case strings.Contains(log, "the original does the same"):
			compared++
		case !strings.Contains(log, "the original imports what the rewrite provides"):
			t.Errorf("%s: %s", c.Name, log)
			continue
		}
		o, err := flags.Parse(strings.Fields(c.Flags))
		if err != nil {
			t.Fatal(err)
		}
		if o.Optimize == rewrite.ForSpeed {
			o.Optimize = rewrite.ForBoth
		}
		o.Hot = nil // hot copies have no probes
		want := record(t, c.Source, o, c.Call)
		text := p.Text(saveTrace)
		if want == nil {
			if text != "" {
				t.Errorf("%s: a trace was recorded, though there are no frames", c.Name)
			}
			continue
		}
		var got trace.Trace
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v\n%s\n%s", c.Name, err, text, log)
			continue
		}
		shorten(want)
		shorten(&got)
		if diff := cmp.Diff(want, &got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(trace.Event{}, "Time")); diff != "" {
			t.Errorf("%s: on wazero (-) and in the page (+):\n%.3000s", c.Name, diff)
		}
		traced++
		events += len(got.Events)
		for k, n := range got.Counts {
			kinds[k] += n
		}
	}
	t.Logf("%d compared with the original, %d traces of %d events: %v", compared, traced, events, kinds)
	if compared < 60 || traced < 60 || kinds[trace.Pop] < 100 || kinds[trace.Switch] == 0 {
		t.Error("that is not enough to show anything")
	}
	p.NoErrors()
}

// shorten cuts what engines say of traps.
func shorten(t *trace.Trace) {
	cut := func(s *string) {
		if rest, ok := strings.CutPrefix(*s, "the program traps"); ok && rest != "" {
			*s = strings.TrimSuffix(*s, rest)
		}
	}
	cut(&t.Ended)
	for i := range t.Events {
		if t.Events[i].Kind == trace.Ended {
			cut(&t.Events[i].Text)
		}
	}
}

// set replaces the text, the flags and the call.
func set(p *browser.Page, source, words, call string) {
	data, _ := json.Marshal([]string{source, words, call})
	p.Text(fmt.Sprintf(`(() => {
		const [source, words, call] = %s, at = (id) => document.getElementById(id);
		at('source').value = source;
		at('flags').value = words;
		at('source').dispatchEvent(new Event('input'));
		at('call').value = call;
	})()`, data))
	p.Text("new Promise((done) => setTimeout(done, 250))") // it is rewritten when nothing is typed for a while
	p.Equal("document.getElementById('problems').textContent", "")
}

const (
	sentence = "document.querySelector('.sentence').textContent"
	lamp     = "document.querySelector('.lamps .on').textContent"
	line     = "document.getElementById('line').hidden ? 0 : (parseInt(document.getElementById('line').style.top) + document.getElementById('source').scrollTop - 8) / 19 + 1"
	boxes    = "[...document.querySelectorAll('.columns section')].slice(0, 2).map((s) => [...s.querySelectorAll('.box b')].map((b) => b.textContent).join()).join(' | ')"
)

// A run is stepped through, forwards and back, by keys and by what can be clicked; what
// happens next can be guessed first; an edit and another run begin anew. The page is
// served here, as it is exported.
func TestSteps(t *testing.T) {
	b := browser.Start(t)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(strings.TrimPrefix(playground(t), "file://")))))
	defer server.Close()
	p := b.Open(t)
	p.Go(server.URL, ready)
	p.Click("#view")
	p.Key("5")
	p.Wait("document.getElementById('view').textContent.startsWith('Run the program')")
	p.Key("ArrowRight") // there is nothing to step through
	set(p, deep, "--suspend=env.sleep", "outer(2)")
	p.Click("#run button")
	p.Wait("document.getElementById('step').textContent === 'Step through 12 events'")

	// Forwards and back, by keys and by what can be clicked.
	steps := []struct {
		sentence, lamp, boxes string
		line                  int // of the source, 0 for none
	}{
		{"inner calls env.sleep(2), in.wat:5", "running", "inner,outer | ", 5},
		{"start_unwind: the main fiber leaves the stack; its frames go to the buffer at 0x10000, which has room for 65520 bytes", "unwinding", "inner,outer | ", 5},
		{"inner leaves at site 0, its call of env.sleep, in.wat:5, and pushes 4 bytes: n = 2", "unwinding", "outer | inner", 5},
		{"outer leaves at site 0, its call of inner, in.wat:9, and pushes 4 bytes: sum = 20", "unwinding", " | outer,inner", 9},
		{"stop_unwind: the main fiber has left the stack; 2 frames of 8 bytes are in the buffer", "running", " | outer,inner", 0},
		{"start_rewind: 2 frames of 8 bytes are in the buffer at 0x10000; the main fiber comes back", "rewinding", " | outer,inner", 0},
		{"outer is called again, goes on at site 0, its call of inner, in.wat:9, and pops 4 bytes: sum = 20", "rewinding", "outer | inner", 9},
		{"inner is called again, goes on at site 0, its call of env.sleep, in.wat:5, and pops 4 bytes: n = 2", "rewinding", "inner,outer | ", 5},
		{"inner calls env.sleep(2) again, in.wat:5", "rewinding", "inner,outer | ", 5},
		{"stop_rewind: the stack is as it was; the main fiber goes on in inner, in.wat:5", "running", "inner,outer | ", 5},
		{"env.sleep returns 7", "running", "inner,outer | ", 5},
		{"the program ends", "running", " | ", 0},
	}
	at := func(i int) {
		t.Helper()
		p.Equal(sentence, steps[i].sentence)
		p.Equal(lamp, steps[i].lamp)
		p.Equal(boxes, steps[i].boxes)
		p.Equal(line, fmt.Sprint(steps[i].line))
	}
	at(0)
	for i := range steps[1:] {
		p.Key("ArrowRight")
		at(i + 1)
	}
	p.Key("ArrowRight") // there is no more
	at(len(steps) - 1)
	for i := len(steps) - 2; i >= 0; i-- {
		p.Click("[aria-label='One step back']")
		at(i)
		p.Equal("document.activeElement.getAttribute('aria-label')", "One step back") // it can be pressed again
	}
	p.Click("[aria-label='To the next change of state']")
	at(1)

	// Predict: what comes is hidden until it is asked for.
	p.Click("#predict")
	p.Key("ArrowRight")
	p.Equal(sentence, "What happens next? Show")
	p.Equal(boxes, steps[1].boxes)
	p.Click("#reveal")
	at(2)
	p.Click("#predict")
	p.Click("[aria-label='One step on']")
	at(3)

	// Other views have no step; an edit takes the recording away, another run makes one.
	p.Click("#view")
	p.Key("1")
	p.Equal(line, "0")
	p.Key("5")
	at(3)
	set(p, strings.ReplaceAll(deep, "const 10", "const 100"), "--suspend=env.sleep", "outer(3)")
	p.Equal("document.getElementById('view').textContent.startsWith('Run the program')", "true")
	p.Click("#run button")
	p.Wait("document.getElementById('step')")
	p.Click("#step")
	p.Key("End")
	p.Key("ArrowLeft")
	p.Equal(sentence, "env.sleep returns 10")
	p.Click("#share")
	p.Wait("location.hash.length > 50")
	q := b.Open(t)
	q.Go(p.Text("location.href"), ready)
	q.Click("#run button")
	q.Click("#step")
	for range 3 {
		q.Click("[aria-label='One step on']")
	}
	q.Equal(sentence, "outer leaves at site 0, its call of inner, in.wat:9, and pushes 4 bytes: sum = 300")
	for _, page := range []*browser.Page{p, q} {
		page.Equal(nameless, "")
		page.NoErrors()
	}
}

// nameless lists what can be used and has no name for those who do not see it.
const nameless = `[...document.querySelectorAll('button, input:not([hidden]), select, textarea, [role=log], [role=tablist]')]
	.filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML.slice(0, 60)).join('; ')`

// What does not end as it should can be stopped, and is recorded as far as it went.
func TestEndings(t *testing.T) {
	b := browser.Start(t)
	p := b.Open(t)
	p.Go(playground(t), ready)
	const head = `(module
  (import "env" "sleep" (func $sleep (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $nap (param $n i32) (result i32) (call $sleep (local.get $n)))
`
	start := time.Now()
	last := "document.querySelector('[aria-label=\"Step\"]').max"
	for _, c := range []struct{ name, source, stop, log, ended string }{
		{
			"a trap behind a suspension", `(func (export "f") (drop (call $nap (i32.const 1))) (unreachable)))`, "",
			"the original does the same", "the program traps: unreachable",
		},
		{
			"a stack without end", `(func $g (call $g) (call $g)) (func (export "f") (drop (call $nap (i32.const 1))) (call $g)))`, "",
			"the original does the same", "the program traps: ",
		},
		{
			"a buffer that is too small", `(func $g (param $n i64) (result i64) (local $a i64) (local $b i64)
				(if (result i64) (i64.eqz (local.get $n)) (then (i64.extend_i32_u (call $nap (i32.const 1)))) (else (i64.add (call $g (i64.sub (local.get $n) (i64.const 1))) (i64.add (local.get $n) (i64.add (local.get $a) (local.get $b)))))))
				(func (export "f") (drop (call $g (i64.const 3500)))))`, "",
			"the original does something else, from step 1:\nenv.sleep(1) = 4", "the program traps: unreachable",
		},
		{
			"an end that does not come, without calls", `(func (export "f") (drop (call $nap (i32.const 1))) (loop (br 0))))`, "env.sleep(1) = 4",
			"stopped", "the recording ends: the program has run for 2 seconds",
		},
		{
			"an end that does not come, with calls", `(func (export "f") (loop (drop (call $nap (i32.const 1))) (br 0))))`, "rewinding",
			"stopped", "the recording ends: the program ",
		},
		{
			"a long end", `(func (export "f") (local $i i32)
				(loop (drop (call $nap (local.get $i))) (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 6000))))))`, "",
			" more lines\nf() = \nthe original does the same, without suspending; this suspended 6000 times", "the ",
		},
	} {
		set(p, head+c.source, "--suspend=env.sleep", "f()")
		p.Click("#run button")
		if c.stop != "" {
			p.Wait(fmt.Sprintf("document.getElementById('log').textContent.includes(%q)", c.stop))
			p.Equal("document.querySelector('#run button').textContent", "Stop")
			p.Click("#run button")
		}
		p.Wait("!document.body.dataset.running")
		p.Equal("document.querySelector('#run button').textContent", "Run")
		log := p.Text("document.getElementById('log').textContent")
		if !strings.Contains(log, c.log) {
			t.Errorf("%s: the log has no %q:\n%.300s …\n%s", c.name, c.log, log, log[max(0, len(log)-300):])
		}
		if n := strings.Count(log, "\n"); n > 1020 {
			t.Errorf("%s: the log has %d lines", c.name, n)
		}
		p.Click("#step")
		p.Click("#view")
		p.Key("End")
		if text := p.Text(sentence); !strings.HasPrefix(text, c.ended) {
			t.Errorf("%s: the last step is %q, not %q", c.name, text, c.ended)
		}
		t.Logf("%v %s: %s steps, the last one: %s", time.Since(start), c.name, p.Text(last), p.Text(sentence))
	}
	p.Equal(last, "20000") // of the last one: no more are kept

	// Whoever edits a program while it runs has it stopped, and runs the new one.
	set(p, head+`(func (export "f") (drop (call $nap (i32.const 1))) (loop (br 0))))`, "--suspend=env.sleep", "f()")
	p.Click("#run button")
	p.Wait("document.getElementById('log').textContent.includes('env.sleep(1) = 4')")
	set(p, head+`(func (export "f") (drop (call $nap (i32.const 2)))))`, "--suspend=env.sleep", "f()")
	p.Equal("document.querySelector('#run button').textContent", "Run")
	p.Click("#run button")
	p.Wait("document.getElementById('log').textContent.includes('this suspended 1 time')")
	p.Equal("document.getElementById('log').textContent.includes('env.sleep(1)')", "false")
	p.NoErrors()
}

const deep = `(module
  (import "env" "sleep" (func $sleep (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $inner (param $n i32) (result i32)
    (call $sleep (local.get $n)))
  (func $outer (export "outer") (param $n i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.mul (local.get $n) (i32.const 10)))
    (i32.add (call $inner (local.get $n)) (local.get $sum))))
`

// Programs that a compiler has made are dropped on the page, and recorded there as on
// wazero.
func TestCompiled(t *testing.T) {
	b := browser.Start(t)
	p := b.Open(t)
	p.Go(playground(t), ready)
	popped, switches := 0, 0
	for _, c := range []struct{ module, suspend, call string }{
		{"kernels-O2.wasm", "env.yield", "sw(3, 40)"},
		{"kernels-O2.wasm", "env.yield", "swfat(4, 30)"},
		{"bare.wasm", "", "churn(5, 16)"},
	} {
		program, err := os.ReadFile("../../examples/c/" + c.module)
		if err != nil {
			t.Fatal(err)
		}
		var opts rewrite.Options
		words := ""
		if c.suspend != "" {
			opts.Suspend, words = []string{c.suspend}, "--suspend="+c.suspend
		}
		p.Text(fmt.Sprintf("(() => { document.getElementById('flags').value = %q })()", words))
		p.Text(fmt.Sprintf(`(() => {
			const d = new DataTransfer();
			d.items.add(new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))], 'dropped.wasm'));
			document.getElementById('source').value = '';
			document.dispatchEvent(new DragEvent('drop', { dataTransfer: d, bubbles: true, cancelable: true }));
		})()`, base64.StdEncoding.EncodeToString(program)))
		p.Wait("document.getElementById('source').value.length > 10000")
		p.Equal("document.getElementById('problems').textContent", "")
		p.Text(fmt.Sprintf("(() => { document.getElementById('call').value = %q })()", c.call))
		log := p.Text("(async () => { " + submit + " })()")
		var got trace.Trace
		if err := json.Unmarshal([]byte(p.Text(saveTrace)), &got); err != nil {
			t.Fatalf("%s: %v; %s", c.call, err, log)
		}
		want := record(t, p.Text("document.getElementById('source').value"), opts, c.call)
		if diff := cmp.Diff(want, &got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(trace.Event{}, "Time")); diff != "" {
			t.Errorf("%s: on wazero (-) and in the page (+):\n%.3000s", c.call, diff)
		}
		t.Logf("%s: %d events, %s", c.call, len(got.Events), log[max(0, len(log)-150):])
		popped += got.Counts[trace.Pop]
		switches += got.Counts[trace.Switch]
	}
	if popped < 100 || switches < 5 {
		t.Errorf("only %d frames are popped, and %d times another fiber goes on", popped, switches)
	}
	p.NoErrors()
}
