package play_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/play"
	"github.com/watfiber/watfiber/internal/play/flags"
)

var built = sync.OnceValues(play.Page)

// playground writes the page, and returns its URL.
func playground(t *testing.T) string {
	t.Helper()
	page, err := built()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "index.html")
	if err := os.WriteFile(path, page, 0o666); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

const ready = "document.documentElement.dataset.ready"

// The page works from a file: text is rewritten as it is typed, errors are shown where
// they are, calls run suspended and not.
func TestPlayground(t *testing.T) {
	b := browser.Start(t)
	url := playground(t)
	p := b.Open(t)
	p.Go(url, ready)
	p.Equal("document.getElementById('name').textContent", "$sum")

	// Run: what happens is said, and compared with the original.
	p.Click("#run button")
	p.Wait("document.getElementById('log').textContent.includes('the original does the same, without suspending; this suspended')")
	for _, said := range []string{"env.sleep(0) suspends: unwinding\n", "its frames take 16 bytes in the buffer\nrewinding\nenv.sleep(0) = 1\n"} {
		if log := p.Text("document.getElementById('log').textContent"); !strings.Contains(log, said) {
			t.Errorf("the log has no %q:\n%s", said, log)
		}
	}

	// An error is shown in its place, and the last result is kept; then it is mended.
	p.Text("document.getElementById('source').select()")
	p.Click("#source")
	p.Text("document.getElementById('source').select()")
	p.Type("(module\n  (import \"env\" \"read\" (func $read (@fiber.suspends) (result i32)))\n  (memory (export \"memory\") 1)\n  (func $two (export \"two\") (result i32)\n    (i32.add (call $read) (call $raed))))\n")
	p.Wait("document.querySelector('#problems button').textContent === '5:33: unknown function $raed; did you mean $read?'")
	p.Equal("document.querySelector('#paint mark').textContent", "$raed")
	p.Click("#problems button")
	p.Equal("document.getElementById('source').value.slice(document.getElementById('source').selectionStart, document.getElementById('source').selectionEnd)", "$raed")
	p.Type("$read")
	p.Wait("document.getElementById('problems').childElementCount === 1") // the flags of the example name an import that is gone
	p.Text("document.getElementById('flags').select()")
	p.Type("--shape=plain")
	p.Wait("document.getElementById('problems').childElementCount === 0 && document.getElementById('name').textContent === '$two'")

	// A link holds it all.
	p.Text("document.getElementById('call').value = 'two()'")
	p.Click("#share")
	p.Wait("location.hash.length > 50")
	link := p.Text("location.href")
	q := b.Open(t)
	q.Go(link, ready)
	q.Equal("document.getElementById('flags').value", "--shape=plain")
	q.Click("#run button")
	q.Wait("document.getElementById('log').textContent.includes('two() = 2')")

	// A binary is dropped.
	q.Text(`(() => {
		const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 4, 1, 2, 0, 11]);
		const d = new DataTransfer();
		d.items.add(new File([wasm], 'dropped.wasm'));
		document.dispatchEvent(new DragEvent('drop', { dataTransfer: d, bubbles: true, cancelable: true }));
	})()`)
	q.Wait(`/export "f"/.test(document.getElementById('source').value)`)
	q.Wait("document.querySelector('#problems button').textContent.startsWith('1:1: the module has no memory to spill frames to')")
	p.NoErrors()
	q.NoErrors()
}

// What a browser has to fetch stays small.
func TestSize(t *testing.T) {
	page, err := built()
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(page)
	_ = z.Close()
	t.Logf("%d bytes, %d compressed", len(page), packed.Len())
	if packed.Len() > 2_000_000 {
		t.Errorf("the page has %d bytes when it is compressed, more than 2 MB", packed.Len())
	}
}

func TestFlags(t *testing.T) {
	o, err := flags.Parse(strings.Fields("--suspend=env.a,env.b --suspend env.c --shape plain --indirect=typed --guard"))
	if err != nil || len(o.Suspend) != 3 || !o.Guard || o.Shape == 0 || o.Indirect == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	for words, want := range map[string]string{
		"--suspned=env.a": "unknown flag --suspned",
		"--suspend":       "--suspend needs a value",
		"--shape=round":   `there is no shape "round"`,
		"--redirect=wsai": `"wsai" cannot be redirected`,
	} {
		if _, err := flags.Parse(strings.Fields(words)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %s", words, err, want)
		}
	}
}
