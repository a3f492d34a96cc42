package cli

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
)

type framesCmd struct {
	JSON   bool   `name:"json" help:"Print everything that is known as JSON."`
	Values bool   `short:"v" help:"Show the values of locals."`
	At     string `placeholder:"ADDRESS" help:"Show the frames of one buffer instead: that of the data block at this address, of a program with a runtime of its own. Needs --root."`
	Root   string `placeholder:"FUNC" help:"With --at: the outermost function in the buffer, by its name or that of its export."`
	Memory string `arg:"" help:"What was in memory, byte for byte, when all fibers were suspended: watfiber run --dump writes it."`
	Module string `arg:"" help:"The rewritten module, built with --frames."`
}

// Help is the end of watfiber frames --help.
func (framesCmd) Help() string {
	return `Fibers are found by the headers of their regions; what they do, how much of their stacks they use, and which functions they are in, the innermost first.

Example:

    watfiber build --frames program.wasm -o program.fiber.wasm
    watfiber run --dump=memory.bin program.fiber.wasm
    watfiber frames -v memory.bin program.fiber.wasm`
}

// Run is watfiber frames.
func (f *framesCmd) Run(c *console) error {
	if (f.At == "") != (f.Root == "") {
		return usageError("--at and --root go together")
	}
	m, err := c.load(f.Module)
	if err != nil {
		return err
	}
	frames, err := frameMap(m)
	if err != nil {
		return err
	}
	if frames == nil {
		return fmt.Errorf("%s has no section %s: build it with --frames", m.Source.Name, fiberlib.FrameSection)
	}
	memory, err := os.ReadFile(f.Memory)
	if err != nil {
		return pathError(err)
	}
	fibers := fiberlib.Fibers(memory, frames)
	if f.At != "" {
		fiber, err := f.buffer(memory, frames)
		if err != nil {
			return err
		}
		fibers = []fiberlib.Fiber{fiber}
	}
	if f.JSON {
		return c.printJSON(fibers)
	}
	if len(fibers) == 0 {
		return errors.New("there are no fibers in this memory")
	}
	fiberlib.Report(c.stdout, fibers, f.Values)
	return nil
}

// printJSON prints fibers as JSON.
func (c *console) printJSON(fibers []fiberlib.Fiber) error {
	type described struct {
		fiberlib.Fiber
		Doing string // what Status, Wait and so on say, in words
		Error string `json:",omitempty"` // why Stack is not complete
	}
	all := make([]described, len(fibers))
	for i, f := range fibers {
		all[i] = described{Fiber: f, Doing: f.Doing()}
		if f.Err != nil {
			all[i].Error = f.Err.Error()
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", text)
	return err
}

// buffer returns what lies in one buffer, as a fiber.
func (f *framesCmd) buffer(memory []byte, frames *fiberlib.FrameMap) (fiberlib.Fiber, error) {
	at, err := strconv.ParseUint(f.At, 0, 32)
	if err != nil || at+8 > uint64(len(memory)) {
		return fiberlib.Fiber{}, usageError(fmt.Sprintf("--at=%s is no address in a memory of %d bytes", f.At, len(memory)))
	}
	root := frames.Number(strings.TrimPrefix(f.Root, "$"))
	if root == 0 {
		var names []string
		for _, f := range frames.Funcs {
			names = append(names, f.Name)
		}
		message := fmt.Sprintf("no function %s has frames", f.Root)
		if hint := wat.DidYouMean(f.Root, names); hint != "" {
			message += "; " + hint
		}
		return fiberlib.Fiber{}, usageError(message)
	}
	fiber := fiberlib.Fiber{Address: uint32(at), Main: true, Status: fiberlib.StatusSuspended}
	fiber.Stack, fiber.Err = frames.Walk(memory, 0, binary.LittleEndian.Uint32(memory[at:]), root)
	return fiber, nil
}

// frameMap returns the map of the frames of a module, nil if it has none.
func frameMap(m *wat.Module) (*fiberlib.FrameMap, error) {
	for _, s := range m.Customs {
		if s.Name == fiberlib.FrameSection {
			frames, err := fiberlib.DecodeFrames(s.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Source.Name, err)
			}
			return frames, nil
		}
	}
	return nil, nil
}

// fibersOf returns the fibers of an instance.
func fibersOf(inst api.Module, m *wat.Module) []fiberlib.Fiber {
	memory, ok := memoryOf(inst)
	if !ok {
		return nil
	}
	frames, err := frameMap(m)
	if err != nil {
		return nil // it has been told when the module was read
	}
	return fiberlib.Fibers(memory, frames)
}

// memoryOf returns the memory that an instance exports.
func memoryOf(inst api.Module) ([]byte, bool) {
	memory := inst.Memory()
	if memory == nil {
		return nil, false
	}
	return memory.Read(0, memory.Size())
}

// dump writes the memory of an instance to a file.
func (c *console) dump(path string, inst api.Module) error {
	memory, ok := memoryOf(inst)
	if !ok {
		return errors.New("the module exports no memory that could be written")
	}
	return c.write(binaryOutput(path, memory))
}

// maxFibers bounds how many fibers a report of a trap shows.
const maxFibers = 20

// report tells what fibers are doing.
func (c *console) report(fibers []fiberlib.Fiber) {
	if len(fibers) == 0 {
		return
	}
	fiberlib.Report(c.stderr, fibers[:min(len(fibers), maxFibers)], false)
	if more := len(fibers) - maxFibers; more > 0 {
		fmt.Fprintf(c.stderr, "and %s; watfiber run --dump and watfiber frames show all\n", count(more, "fiber"))
	}
}
