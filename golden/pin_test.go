package golden

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// pinned rewrites a module, pinned to an earlier output, text or binary. It returns what
// could not be kept, too.
func pinned(earlier, source *wat.Module, opts rewrite.Options) (*rewrite.Result, []string, error) {
	from := diff.FromText
	if earlier.Source.Binary {
		from = diff.FromBinary
	}
	side, err := from(earlier)
	if err != nil {
		return nil, nil, err
	}
	unpinned := opts
	unpinned.After = ""
	e, err := rewrite.Explain(source, unpinned)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	if opts.Pins, notes, err = diff.Pins(side, e); err != nil {
		return nil, nil, err
	}
	before := len(e.Result.Notes)
	r, err := rewrite.Rewrite(source, opts)
	if err != nil {
		return nil, nil, err
	}
	return r, append(notes, r.Notes[before:]...), nil
}

// pinnedToItself checks that a module that is pinned to its own output comes out as that
// does, as text and as binary, and that there is nothing to say about it.
func pinnedToItself(source *wat.Module, opts rewrite.Options) error {
	r, err := rewrite.Rewrite(source, opts)
	if err != nil {
		return err
	}
	var earlier []*wat.Module
	if r.Text != "" {
		m, err := wat.Parse("old.wat", r.Text)
		if err != nil {
			return err
		}
		earlier = append(earlier, m)
	}
	out := binary.Encode(r.Module)
	if opts.Frames {
		m, err := binary.Decode("old.wasm", string(out))
		if err != nil {
			return err
		}
		earlier = append(earlier, m)
	}
	for _, m := range earlier {
		again, notes, err := pinned(m, source, opts)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Source.Name, err)
		}
		notes = slices.DeleteFunc(notes, func(n string) bool { return strings.HasPrefix(n, "functions without names") })
		if again.Text != r.Text || string(binary.Encode(again.Module)) != string(out) || len(notes) > 0 {
			return fmt.Errorf("pinned to %s it is another module: %.1000q", m.Source.Name, notes)
		}
	}
	return nil
}

// A source that is pinned to its own output comes out as that does.
func TestPinnedGoldens(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		c, err := ReadCase(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Load(c.Name()+".wat", c.Member("in.wat"))
		opts := c.Options
		opts.After, opts.TreeOnly = "", false
		if err != nil {
			continue
		}
		if _, err := rewrite.Rewrite(m, opts); err != nil {
			continue // a golden of an error
		}
		n++
		for _, frames := range []bool{false, true} {
			opts.Frames = frames
			if err := pinnedToItself(m, opts); err != nil {
				t.Errorf("%s, frames %v: %v", c.Name(), frames, err)
			}
		}
	}
	if n < len(paths)/2 {
		t.Errorf("only %d of %d goldens were pinned", n, len(paths))
	}
}

func TestPinnedCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("large modules take a while")
	}
	eachModule(t, []string{"kernels-O?.wasm", "lua-O2.wasm", "bench.release.wasm", "first.debug.wasm", "channels.wasm", "wide.wasm"}, func(t *testing.T, m *wat.Module) {
		text, err := Load("text.wat", wat.Print(m))
		if err != nil {
			t.Fatal(err)
		}
		if err := pinnedToItself(text, corpusOptions(m)); err != nil {
			t.Error(err)
		}
		for _, optimize := range []rewrite.Optimize{rewrite.ForBoth, rewrite.ForSize, rewrite.ForSpeed} {
			opts := corpusOptions(m)
			opts.Optimize, opts.Frames = optimize, true
			if err := pinnedToItself(m, opts); err != nil {
				t.Error(err)
			}
		}
	})
}

// An earlier output that lacks a line, or has another byte in its map, is refused, or what is
// pinned to it is a valid module that strips to its source.
func TestPinnedToDamage(t *testing.T) {
	paths, err := filepath.Glob("testdata/*_*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens (%v)", err)
	}
	refused, taken := 0, 0
	try := func(earlier, m *wat.Module, opts rewrite.Options) {
		if _, _, err := pinned(earlier, m, opts); err == nil {
			taken++
		} else if refused++; strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s: %v\n%s", m.Source.Name, err, earlier.Source.Text)
		}
	}
	for i := 0; i < len(paths); i += 41 {
		c, err := ReadCase(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		m, err := Load(c.Name()+".wat", c.Member("in.wat"))
		opts := c.Options
		opts.After, opts.TreeOnly, opts.Frames = "", false, true
		if err != nil {
			continue
		}
		r, err := rewrite.Rewrite(m, opts)
		if err != nil {
			continue
		}
		lines := strings.SplitAfter(r.Text, "\n")
		for k, line := range lines {
			if !strings.Contains(line, wat.InsertMark) {
				continue
			}
			if old, err := Load("old.wat", strings.Join(slices.Concat(lines[:k], lines[k+1:]), "")); err == nil {
				try(old, m, opts)
			}
		}
		section := slices.IndexFunc(r.Module.Customs, func(c *wat.Custom) bool { return c.Name == "watfiber.frames" })
		if section < 0 {
			continue
		}
		custom := r.Module.Customs[section]
		for k := range custom.Bytes {
			changed := *custom
			bytes := []byte(changed.Bytes)
			bytes[k] ^= byte(1 << (k % 8))
			changed.Bytes = string(bytes)
			r.Module.Customs[section] = &changed
			if old, err := binary.Decode("old.wasm", string(binary.Encode(r.Module))); err == nil {
				try(old, m, opts)
			}
		}
	}
	t.Logf("%d were refused, %d taken", refused, taken)
	if refused == 0 || taken == 0 {
		t.Error("nothing was refused, or nothing taken")
	}
}
