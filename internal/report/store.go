//go:build !js

package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"

	"github.com/watfiber/watfiber/internal/explain"
	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/rewrite"
)

// A page opens with what its list of functions needs. The rest is stored in blocks that are
// compressed one by one, and unpacked when a function of theirs is looked at.

// blockSize is how many bytes a block has at least, before it is compressed; the last may
// have less.
const blockSize = 96 << 10

// front is what a page opens with.
type front struct {
	*explain.Module
	Funcs      []listed    `json:"funcs"`
	Passes     []Pass      `json:"passes"`
	Comparison *Comparison `json:"comparison,omitempty"`
}

// listed is what the list of functions shows of one.
type listed struct {
	explain.Function
	NumSites int  `json:"numSites"`
	Gone     bool `json:"gone,omitempty"` // it is only in the old module
	// At is where its details are: the block, and in it the first byte and the one behind
	// the last.
	At [3]int `json:"at"`
}

// details are what else there is to know of a function; its lines stand behind them.
type details struct {
	Path  []explain.Step `json:"path,omitempty"`
	Sites []explain.Site `json:"sites,omitempty"`
	Slots []explain.Slot `json:"slots,omitempty"`
	// Notes are those of each pass, null if they are those of the pass before.
	Notes []*[]rewrite.Note `json:"notes,omitempty"`
	Hunks []Hunk            `json:"hunks,omitempty"`
}

// split divides the data into what a page opens with and the blocks.
func (d *Data) split() (*front, []string, error) {
	f := &front{Module: d.Module, Comparison: d.Comparison}
	for _, p := range d.Passes {
		f.Passes = append(f.Passes, Pass{Name: p.Name, Doc: p.Doc})
	}
	changes := map[int]*Change{}
	if d.Comparison != nil {
		for i := range d.Comparison.Funcs {
			changes[d.Comparison.Funcs[i].Func] = &d.Comparison.Funcs[i]
		}
	}
	var s store
	add := func(l listed, x details, text string) error {
		if c := changes[l.Index]; c != nil {
			x.Hunks = c.hunks
		}
		var err error
		l.At, err = s.add(x, text)
		f.Funcs = append(f.Funcs, l)
		return err
	}
	for _, r := range d.Ranges {
		if r.Func < 0 {
			continue
		}
		fn := d.Funcs[r.Func]
		x := details{Path: fn.Path, Sites: fn.Sites, Slots: fn.Slots, Notes: d.notes(r.Func)}
		fn.Path, fn.Sites, fn.Slots = nil, nil, nil
		if err := add(listed{Function: fn, NumSites: len(x.Sites)}, x, d.Text[r.From:r.To]); err != nil {
			return nil, nil, err
		}
	}
	if d.Comparison != nil {
		for _, c := range d.Comparison.Funcs {
			if c.Func >= len(d.Funcs) {
				gone := explain.Function{Index: c.Func, Name: strings.TrimSuffix(c.Title, " (gone)"), Status: "gone", Before: -c.Bytes}
				if err := add(listed{Function: gone, Gone: true}, details{}, ""); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return f, s.packed(), nil
}

// notes returns what each pass has found out about a function.
func (d *Data) notes(f int) []*[]rewrite.Note {
	all := make([]*[]rewrite.Note, len(d.Passes))
	var last []byte
	for i, p := range d.Passes {
		notes := p.Notes[f]
		now, err := json.Marshal(notes)
		if err == nil && i > 0 && bytes.Equal(now, last) {
			continue
		}
		if notes == nil {
			notes = []rewrite.Note{}
		}
		all[i], last = &notes, now
	}
	return all
}

// A store collects blocks.
type store struct {
	blocks [][]byte // the last is not full yet
}

// add puts a function into the last block, and returns where it is.
func (s *store) add(x details, text string) (at [3]int, err error) {
	data, err := json.Marshal(x)
	if err != nil {
		return at, err
	}
	if n := len(s.blocks); n == 0 || len(s.blocks[n-1]) >= blockSize {
		s.blocks = append(s.blocks, nil)
	}
	last := len(s.blocks) - 1
	block := s.blocks[last]
	from := len(block)
	block = append(append(append(block, data...), '\n'), strings.TrimSuffix(text, "\n")...)
	s.blocks[last] = block
	return [3]int{last, from, len(block)}, nil
}

// packed returns the blocks, compressed.
func (s *store) packed() []string {
	all := make([]string, len(s.blocks))
	parallel.Do(len(all), func() func(int) {
		return func(i int) { all[i] = pack(s.blocks[i]) }
	})
	return all
}

// packers are used again: each has large tables.
var packers = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, 4); return z }}

// pack compresses data into characters that may stand in a page.
func pack(data []byte) string {
	var packed bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&packed)
	_, _ = z.Write(data) // a buffer takes everything
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}
