package play_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/internal/trace"
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
		if o.Optimize != 0 && strings.Contains(c.Flags, "speed") {
			o.Optimize = 0
		}
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
