package golden

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/wat"
)

// movedPrefix begins the names of exported globals that move.
const movedPrefix = "moved:"

// move goes on in an instance of the program to move to: it gets the memory, with the frames
// in it, and the globals.
func (x *execution) move(ctx context.Context) error {
	to := x.MoveTo
	x.MoveTo = nil
	inst, err := x.rt.InstantiateWithConfig(ctx, to.Binary, wazero.NewModuleConfig().WithName("moved").WithStartFunctions())
	if err != nil {
		return err
	}
	was := x.inst.Memory()
	if pages := (was.Size() - inst.Memory().Size()) / pageSize; pages > 0 {
		if _, ok := inst.Memory().Grow(pages); !ok {
			return errors.New("the memory cannot grow")
		}
	}
	bytes, _ := was.Read(0, was.Size())
	inst.Memory().Write(0, bytes)
	for _, e := range to.Module.Exports {
		was := x.inst.ExportedGlobal(e.Name)
		if e.Kind != wat.KindGlobal || !strings.HasPrefix(e.Name, movedPrefix) || was == nil {
			continue
		}
		g, ok := inst.ExportedGlobal(e.Name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("it has no global %s", e.Name)
		}
		g.Set(was.Get())
	}
	x.inst = inst
	return nil
}
