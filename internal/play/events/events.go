// Package events reads what the host of the playground notes while a program with probes
// runs, and tells it a recorder.
//
// The program runs in a worker, which cannot be asked anything meanwhile, and in which Go
// does not run: so its host writes down what happens, and with it what a recorder reads of
// the memory. Its notes are words, of 32 bits:
//
//	1 kind a b state data sp fiber   a probe, with what the probe says
//	2 import lo hi lo hi …           an import is called: its number, its arguments
//	3 import lo hi lo hi …           it returns: its number, its results
//	4 address n word …               n words that lie in memory when what follows happens
package events

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/wat"
)

// The notes.
const (
	probe = 1 + iota
	call
	result
	memory
)

// An Import is a function of the host.
type Import struct {
	Name            string // of its module, a point, its own
	Params, Results []wat.ValType
}

// A Reader reads notes. Its recorder reads the memory from them.
type Reader struct {
	recorder *trace.Recorder
	imports  []Import
	windows  []window
	used     bool // they were for a note that has been read
}

// window is a part of the memory.
type window struct {
	at   uint32
	data []byte
}

// New returns a reader for a recorder that has the map of the frames. The imports are
// those by whose numbers the host speaks.
func New(r *trace.Recorder, imports []Import) *Reader {
	reader := &Reader{recorder: r, imports: imports}
	r.Memory = reader.memory
	return reader
}

// memory returns a part of the memory that is in one of the windows.
func (r *Reader) memory(at, size uint32) []byte {
	for _, w := range r.windows {
		if at >= w.at && uint64(at-w.at)+uint64(size) <= uint64(len(w.data)) {
			return w.data[at-w.at:][:size]
		}
	}
	return nil
}

// Read reads notes, as bytes, the lowest of a word first. They are whole.
func (r *Reader) Read(notes []byte) error {
	words := make([]uint32, len(notes)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(notes[4*i:])
	}
	for len(words) > 0 {
		n, err := r.note(words)
		if err != nil {
			return err
		}
		words = words[n:]
	}
	return nil
}

// note reads one, and returns how many words it has.
func (r *Reader) note(w []uint32) (int, error) {
	kind, rest := w[0], w[1:]
	if kind == memory {
		return r.window(rest)
	}
	r.next()
	r.used = true
	switch {
	case kind == probe && len(rest) >= 7:
		r.recorder.Probe(trace.Probe{Kind: rest[0], A: rest[1], B: rest[2], State: rest[3], Data: rest[4], StackPointer: rest[5], Fiber: rest[6]})
		return 8, nil
	case (kind == call || kind == result) && len(rest) > 0 && rest[0] < uint32(len(r.imports)):
		f := &r.imports[rest[0]]
		types := f.Params
		if kind == result {
			types = f.Results
		}
		if len(rest) <= 2*len(types) {
			break
		}
		if kind == call {
			r.recorder.HostCall(f.Name, texts(types, rest[1:]), true)
		} else {
			r.recorder.HostReturn(f.Name, texts(types, rest[1:]))
		}
		return 2 + 2*len(types), nil
	}
	return 0, fmt.Errorf("this is no note of the host: %d, and %d words behind it", kind, len(rest))
}

// next lets go of the windows that were for another note.
func (r *Reader) next() {
	if r.used {
		r.windows, r.used = r.windows[:0], false
	}
}

// window reads a part of the memory.
func (r *Reader) window(rest []uint32) (int, error) {
	if len(rest) < 2 || uint64(rest[1]) > uint64(len(rest)-2) {
		return 0, fmt.Errorf("a part of the memory is not whole: %d words are there", len(rest))
	}
	r.next()
	n := int(rest[1])
	data := make([]byte, 4*n)
	for i, w := range rest[2 : 2+n] {
		binary.LittleEndian.PutUint32(data[4*i:], w)
	}
	r.windows = append(r.windows, window{rest[0], data})
	return 3 + n, nil
}

// texts returns values, of two words each, as text.
func texts(types []wat.ValType, words []uint32) []string {
	out := make([]string, len(types))
	for i, t := range types {
		v := uint64(words[2*i]) | uint64(words[2*i+1])<<32
		switch t {
		case wat.I32:
			out[i] = strconv.Itoa(int(int32(v)))
		case wat.I64:
			out[i] = strconv.FormatInt(int64(v), 10)
		case wat.F32:
			out[i] = wat.FormatFloat32(uint32(v))
		case wat.F64:
			out[i] = wat.FormatFloat64(v)
		default:
			out[i] = t.String()
		}
	}
	return out
}
