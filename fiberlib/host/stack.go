package host

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib"
)

// ErrNoFrames says that a module does not tell what its frames hold: it was not built with
// --frames, or attached without [Instance.SetFrames].
var ErrNoFrames = errors.New("the module has no section " + fiberlib.FrameSection + ": build it with --frames")

// ErrNotSuspended says that a call has no frames in memory: it runs, has not begun, or is
// over.
var ErrNotSuspended = errors.New("the call is not suspended")

// SetFrames gives the instance the custom sections of its module, for one that was not
// instantiated by [Host.Instantiate]: those of wazero's CompiledModule, if the runtime was
// configured WithCustomSections. The names in an [AssertError] come from there, too.
func (i *Instance) SetFrames(sections []api.CustomSection) error {
	for _, s := range sections {
		if s.Name() == fiberlib.AssertSection {
			names, err := fiberlib.DecodeAsserts(string(s.Data()))
			if err != nil {
				return err
			}
			i.owner.Lock()
			i.names = names
			i.owner.Unlock()
		}
	}
	for _, s := range sections {
		if s.Name() != fiberlib.FrameSection {
			continue
		}
		frames, err := fiberlib.DecodeFrames(string(s.Data()))
		if err != nil {
			return err
		}
		i.owner.Lock()
		defer i.owner.Unlock()
		i.frames = frames
		return nil
	}
	return ErrNoFrames
}

// Stack returns the functions that a suspended call is in, the innermost first, with the
// values of their locals. It waits until no call runs. The error is ErrNoFrames,
// ErrNotSuspended, or says what of the stack could not be read; the frames above that are
// returned.
func (c *Call) Stack() ([]fiberlib.Frame, error) {
	i := c.inst
	i.owner.Lock()
	defer i.owner.Unlock()
	region, suspended := c.Region()
	switch {
	case i.frames == nil:
		return nil, ErrNoFrames
	case !suspended:
		return nil, ErrNotSuspended
	}
	memory, _ := i.memory.Read(0, i.memory.Size())
	if region.Fiber != 0 {
		f, ok := fiberlib.FiberAt(memory, region.Fiber, i.frames)
		if !ok {
			return nil, fmt.Errorf("there is no fiber at %#x", region.Fiber)
		}
		return f.Stack, f.Err
	}
	return i.frames.Walk(memory, region.Frames, region.Position, i.frames.Number(region.Export))
}

// Fibers returns the fibers of a module with the fiber library, with their stacks if it
// was built with --frames. It waits until no call runs.
func (i *Instance) Fibers() []fiberlib.Fiber {
	i.owner.Lock()
	defer i.owner.Unlock()
	memory, _ := i.memory.Read(0, i.memory.Size())
	return fiberlib.Fibers(memory, i.frames)
}
