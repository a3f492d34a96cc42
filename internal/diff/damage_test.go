package diff_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// What has been damaged since it was rewritten is an error or compared as it is, as a text
// without some lines and as a binary with other bits: nothing panics.
func TestDamaged(t *testing.T) {
	data, err := os.ReadFile("../../examples/c/deadlock.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode("deadlock.wasm", string(data))
	if err != nil {
		t.Fatal(err)
	}
	e, err := rewrite.Explain(parsed(t, "deadlock.wat", wat.Print(m)), rewrite.Options{Frames: true})
	if err != nil {
		t.Fatal(err)
	}
	whole := diff.FromSource(e)
	compared := map[diff.Kind]int{}
	try := func(m *wat.Module, err error) {
		if err != nil || check.Module(m) != nil {
			return
		}
		read := diff.FromText
		if m.Source.Binary {
			read = diff.FromBinary
		}
		if side, err := read(m); err == nil {
			diff.Compare(whole, side)
			diff.Compare(side, whole)
			compared[side.Kind]++
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	code := binary.Encode(e.Result.Module)
	section := len(code) - len(code)/4 // the map is at the end
	for i := range 400 {
		flipped := slices.Clone(code)
		at := r.IntN(len(code))
		if i%2 == 0 {
			at = section + r.IntN(len(code)-section)
		}
		flipped[at] ^= 1 << r.IntN(8)
		try(binary.Decode("flipped.wasm", string(flipped)))
	}
	lines := slices.Collect(strings.Lines(e.Result.Text))
	for range 60 {
		at := r.IntN(len(lines))
		for !strings.Contains(lines[at], wat.InsertMark) {
			at = r.IntN(len(lines))
		}
		try(wat.Parse("cut.wat", strings.Join(slices.Delete(slices.Clone(lines), at, at+1), "")))
	}
	if compared[diff.Mapped] == 0 || compared[diff.Text] == 0 {
		t.Errorf("nothing that was damaged could be compared: %v", compared)
	}
}
