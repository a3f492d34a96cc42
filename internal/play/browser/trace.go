//go:build js

package main

import (
	"errors"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/internal/play/events"
	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// maxEvents is how many events of a run are kept; those beyond are counted.
const maxEvents = 20_000

// The run that is recorded, nil if none is.
var (
	recorder *trace.Recorder
	notes    *events.Reader
)

// probe rewrites a text as flags say, with probes, and begins a recording. The result has
// errors, or: binary; sizes, the bytes of the frame of each function in the map; note,
// what a reader is to know. Without these nothing can be suspended.
func probe(text, line string) any {
	recorder, notes = nil, nil
	opts, err := flags.Parse(strings.Fields(line))
	if err != nil {
		return failed(text, err)
	}
	opts.Probes = true
	remark := ""
	if opts.Optimize == rewrite.ForSpeed || len(opts.Hot) > 0 {
		opts.Optimize, opts.Hot = rewrite.ForBoth, nil
		remark = "hot copies have no probes: what is recorded is the program without them"
	}
	m, err := wat.Parse("in.wat", text)
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		return failed(text, err)
	}
	imports := importsOf(m)
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		return failed(text, err)
	}
	frames, err := framesOf(r.Module)
	if err != nil {
		return failed(text, err)
	}
	if frames == nil {
		return result(nil)
	}
	recorder = &trace.Recorder{Module: m.Source.Name, Frames: frames, Limit: maxEvents}
	notes = events.New(recorder, imports)
	sizes := []any{}
	for _, f := range frames.Funcs {
		sizes = append(sizes, f.Size)
	}
	return result(map[string]any{"binary": arrayOf(binary.Encode(r.Module)), "sizes": sizes, "note": remark})
}

// importsOf returns the imported functions, in their order.
func importsOf(m *wat.Module) []events.Import {
	var all []events.Import
	for _, d := range m.Imports() {
		if d.Kind == wat.KindFunc {
			imp, t := m.ImportOf(d), m.FuncTypeOf(wat.FuncID(d.Index))
			all = append(all, events.Import{Name: imp.Module + "." + imp.Name, Params: t.Params, Results: t.Results})
		}
	}
	return all
}

// framesOf returns the map of the frames of a module, nil if it has none.
func framesOf(m *wat.Module) (*fiberlib.FrameMap, error) {
	for _, s := range m.Customs {
		if s.Name == fiberlib.FrameSection {
			return fiberlib.DecodeFrames(s.Bytes)
		}
	}
	return nil, nil
}

// note takes what the host has noted of the run; it returns what is wrong with that, "" if
// nothing is.
func note(data []byte) any {
	err := errors.New("nothing is recorded")
	if notes != nil {
		err = notes.Read(data)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// traced ends the recording, and returns the trace as JSON.
func traced(ended string) any {
	if recorder == nil {
		return ""
	}
	var b strings.Builder
	err := recorder.Finish(ended).WriteJSON(&b)
	recorder, notes = nil, nil
	if err != nil {
		return ""
	}
	return b.String()
}
