package events_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/internal/play/events"
	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/wat"
)

// A function f, whose frame is a number, calls env.g.
func reader() (*trace.Recorder, *events.Reader) {
	r := &trace.Recorder{Limit: 100, Frames: &fiberlib.FrameMap{Funcs: []fiberlib.FrameFunc{{
		Name: "f", Size: 8, SiteAt: -1, Slots: []fiberlib.FrameSlot{{Name: "n", Type: 'l'}},
		Sites: []fiberlib.FrameSite{{Name: "env.g", Live: []bool{true}}},
	}}}}
	return r, events.New(r, []events.Import{{Name: "env.g", Params: []wat.ValType{wat.I32, wat.I64, wat.F32, wat.F64}, Results: []wat.ValType{wat.F64}}})
}

func bytesOf(words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

var run = [][]uint32{
	{1, 1, 1, 0, 0, 0, 0, 0}, // f is called
	{1, 2, 1, 0, 0, 0, 0, 0}, // and comes to site 0
	{2, 0, 0xffffffff, 0, 0xfffffffe, 0xffffffff, 0x3fc00000, 0, 0, 0xc0040000}, // env.g(-1, -2, 1.5, -2.5)
	{4, 0x100, 2, 0x200, 0x210},  // the data block
	{1, 5, 1, 0, 1, 0x100, 0, 0}, // unwinding
	{4, 0x100, 2, 0x200, 0x210},  //
	{3, 0, 0, 0},                 // env.g returns
	{4, 0x100, 2, 0x208, 0x210},  //
	{4, 0x200, 2, 7, 1},          // the frame
	{1, 4, 1, 0, 1, 0x100, 0, 0}, // f leaves
	{4, 0x100, 2, 0x208, 0x210},  //
	{1, 5, 0, 0, 0, 0x100, 0, 0}, // running
	{4, 0x100, 2, 0x208, 0x210},  // at the end
}

func TestRead(t *testing.T) {
	r, e := reader()
	if err := e.Read(bytesOf(slices.Concat(run...)...)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, event := range r.Finish("it ends").Events {
		got = append(got, event.Text)
	}
	want := []string{
		"f calls env.g(-1, -2, 1.5, -2.5)",
		"start_unwind: the main fiber leaves the stack; its frames go to the buffer at 0x100, which has room for 16 bytes",
		"f leaves at site 0, its call of env.g, and pushes 8 bytes: n = 4294967303",
		"stop_unwind: the main fiber has left the stack; one frame of 8 bytes is in the buffer",
		"it ends",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What was in memory once is not taken for what is there now.
func TestForgets(t *testing.T) {
	r, e := reader()
	words := slices.Concat(run[:9]...)
	words = append(words, 1, 2, 1, 0, 1, 0x100, 0, 0) // another note takes the windows
	if err := e.Read(bytesOf(append(words, run[9]...)...)); err != nil {
		t.Fatal(err)
	}
	text := r.Finish("it ends").Events[2].Text
	if strings.Contains(text, "4294967303") {
		t.Error(text)
	}
}

// What is no note is an error, and never more.
func FuzzRead(f *testing.F) {
	f.Add(bytesOf(slices.Concat(run...)...))
	f.Add(bytesOf(4, 0, 0xffffffff))
	f.Add(bytesOf(2, 1))
	f.Fuzz(func(t *testing.T, notes []byte) {
		r, e := reader()
		_ = e.Read(notes)
		if n := len(r.Finish("it ends").Events); n > 101 {
			t.Errorf("%d events are kept", n)
		}
	})
}

func TestErrors(t *testing.T) {
	for _, words := range [][]uint32{{0}, {9, 1}, {1, 2, 3}, {2}, {2, 7, 0, 0}, {2, 0, 1}, {3, 0, 1}, {4}, {4, 0, 2, 1}} {
		if _, e := reader(); e.Read(bytesOf(words...)) == nil {
			t.Errorf("%v is no error", words)
		}
	}
}
