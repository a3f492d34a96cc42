package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/internal/wit"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// askWorld lists the imports that may suspend by the world of --wit, and checks all. Those
// that --suspend lists need not be in it, nor those that are linked.
func (s *selection) askWorld(m *wat.Module, o *rewrite.Options) error {
	if s.Wit == "" {
		return nil
	}
	w, err := readWorld(s.Wit, s.World)
	if err != nil {
		return err
	}
	listed := rewrite.Suspending(o.Suspend)
	found, err := w.Suspending(m, func(module, name string) bool {
		linked := module == "asyncify" || module == "fiber" || o.RedirectWASI && module == wasi_snapshot_preview1.ModuleName
		return linked || listed(module, name)
	})
	if err != nil {
		return err
	}
	o.Suspend = append(slices.Clip(o.Suspend), found...)
	if len(o.Suspend)+len(o.Only)+len(o.Add) == 0 && !o.RedirectWASI && !rewrite.SuspendsItself(m) {
		return &wat.Error{
			Source: m.Source, Span: wat.NoSpan, Code: wit.ErrWorld,
			Msg:  fmt.Sprintf("by the world %s, nothing that the module imports may suspend", w.Name),
			Hint: "list what does with --suspend",
		}
	}
	return nil
}

// readWorld reads a world from a file or folder.
func readWorld(path, name string) (*wit.World, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError(err)
	}
	defer f.Close()
	var data []byte
	if info, err := f.Stat(); err == nil && !info.IsDir() {
		if data, err = io.ReadAll(f); err != nil {
			return nil, pathError(err)
		}
	}
	return wit.Read(path, data, name)
}
