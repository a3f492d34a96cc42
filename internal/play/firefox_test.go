package play_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/internal/trace"
)

// The page works in Firefox: examples run, and the traces that are recorded there are
// those of wazero. No protocol is needed: a script that is added to the page uses it, and
// posts what has come of it.
func TestFirefox(t *testing.T) {
	path := ""
	for _, name := range []string{"firefox-esr", "firefox"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("needs firefox, which is not installed")
	}
	page, err := built()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"loop_call_in_body", "indirect_call", "fiber_switch", "frame_types"}
	wanted, _ := json.Marshal(names)
	script := fmt.Sprintf("<script>const wanted = %s, saveTrace = () => %s;\n%s</script></body>", wanted, saveTrace, useAndPost)
	posted := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			select {
			case posted <- r.FormValue("report"):
			default:
			}
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(strings.Replace(string(page), "</body>", script, 1)))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	profile, err := os.MkdirTemp("", "firefox")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, server.URL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		os.RemoveAll(profile)
	}()
	var report struct {
		Errors    []string
		Runs      []struct{ Case, Log, Trace string }
		Cases     []example
		Sentences []string
	}
	select {
	case text := <-posted:
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("Firefox says nothing")
	}
	if len(report.Errors) > 0 {
		t.Errorf("errors on the page: %q", report.Errors)
	}
	if len(report.Runs) != len(names) {
		t.Errorf("%d examples have run, not %d", len(report.Runs), len(names))
	}
	for i, run := range report.Runs {
		var got trace.Trace
		if err := json.Unmarshal([]byte(run.Trace), &got); err != nil {
			t.Errorf("%s: %v: %s", run.Case, err, run.Log)
			continue
		}
		o, err := flags.Parse(strings.Fields(report.Cases[i].Flags))
		if err != nil {
			t.Fatal(err)
		}
		want := record(t, report.Cases[i].Source, o, report.Cases[i].Call)
		shorten(want)
		shorten(&got)
		if diff := cmp.Diff(want, &got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(trace.Event{}, "Time")); diff != "" {
			t.Errorf("%s: on wazero (-) and in Firefox (+):\n%.3000s", run.Case, diff)
		}
		t.Logf("%s: %d events; step 2: %s", run.Case, len(got.Events), report.Sentences[i])
		if report.Sentences[i] != got.Events[1].Text {
			t.Errorf("%s: the second step is %q", run.Case, report.Sentences[i])
		}
	}
}

// useAndPost runs the examples that are wanted, and steps.
const useAndPost = `(async () => {
	const errors = [], runs = [], used = [], sentences = [], pause = () => new Promise((done) => setTimeout(done, 5));
	addEventListener('error', (e) => errors.push(e.message));
	addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)));
	document.addEventListener('securitypolicyviolation', (e) => errors.push(e.violatedDirective + ' ' + e.blockedURI));
	const all = JSON.parse(document.getElementById('cases').textContent);
	while (!document.documentElement.dataset.ready && !errors.length) await pause();
	try {
		for (const name of wanted) {
			const i = all.findIndex((c) => c.name === name);
			if (i < 0) throw new Error('there is no example ' + name);
			document.getElementById('examples').value = i;
			document.getElementById('examples').dispatchEvent(new Event('change'));
			document.getElementById('run').requestSubmit();
			while (document.body.dataset.running) await pause();
			runs.push({ case: name, log: document.getElementById('log').textContent, trace: await saveTrace() });
			used.push(all[i]);
			document.getElementById('step').click();
			document.querySelector('[aria-label="One step on"]').click();
			sentences.push(document.querySelector('.sentence').textContent);
		}
	} catch (e) { errors.push(String(e)); }
	const form = document.createElement('form'), area = document.createElement('textarea');
	form.method = 'post';
	area.name = 'report';
	area.value = JSON.stringify({ errors, runs, cases: used, sentences });
	form.append(area);
	document.body.append(form);
	form.submit();
})();`
