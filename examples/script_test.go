package examples_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
	"pgregory.net/rapid"

	"github.com/watfiber/watfiber/fiberlib/host"
)

// Fibers that send, receive, select, close, lock, take turns and resume each other as
// random scripts say, while the host suspends the program now and then, do so in the
// same order as those of a native build, which are another implementation.
func TestScriptsOfFibers(t *testing.T) {
	clang := needs(t, "clang-19")
	work := t.TempDir()
	native, object, module := filepath.Join(work, "native"), filepath.Join(work, "script.o"), filepath.Join(work, "script.wasm")
	tool(t, clang, "-O1", "-Ic/native", "testdata/script.c", "-o", native)
	tool(t, clang, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", "-I../fiberlib/include", "-c", "testdata/script.c", "-o", object)
	tool(t, clang, "--target=wasm32-wasi", "--sysroot=/usr", object, "-o", module)
	runs := []func([]string) (string, error){
		clockwork(t, build(t, module, "--suspend=env.yield")),
		clockwork(t, build(t, module, "--suspend=env.yield", "--guard", "--frames", "--redirect=wasi", "--stack-size=8192")),
	}
	step := rapid.Custom(func(t *rapid.T) string {
		channel := rapid.IntRange(0, 3)
		switch kind := rapid.SampledFrom([]string{"s", "s", "s", "r", "r", "r", "l", "t", "p", "m", "c", "q", "u", "k", "g", "e", "w", "w", "w", "z", "z", "n", "n", "y", "y", "h"}).Draw(t, "kind"); kind {
		case "s":
			return fmt.Sprintf("s%d%d", channel.Draw(t, "channel"), rapid.IntRange(1, 9).Draw(t, "value"))
		case "r", "c":
			return fmt.Sprintf("%s%d", kind, channel.Draw(t, "channel"))
		case "w":
			return fmt.Sprintf("w%d%d%d", channel.Draw(t, "from"), channel.Draw(t, "to"), rapid.IntRange(0, 3).Draw(t, "time"))
		case "z":
			return fmt.Sprintf("z%d", rapid.IntRange(1, 3).Draw(t, "time"))
		case "u", "k":
			return fmt.Sprintf("%s%d", kind, rapid.IntRange(1, 6).Draw(t, "fiber"))
		case "l", "t":
			return fmt.Sprintf("%s%d%d", kind, channel.Draw(t, "from"), channel.Draw(t, "to"))
		default:
			return kind
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		var scripts []string
		for range rapid.IntRange(1, 6).Draw(r, "fibers") {
			scripts = append(scripts, strings.Join(rapid.SliceOfN(step, 1, 8).Draw(r, "steps"), ""))
		}
		want := tool(t, append([]string{native}, scripts...)...)
		run := rapid.SampledFrom(runs).Draw(r, "program")
		if got, err := run(scripts); err != nil || got != want {
			r.Fatalf("%q: %v\nprinted:\n%s\nnative build:\n%s", scripts, err, got, want)
		}
	})
}

// clockwork returns a function that runs a program with arguments and returns what it
// prints. The clock of the program stands still but for when it sleeps, and env.yield
// suspends it.
func clockwork(t *testing.T, path string) func(args []string) (string, error) {
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	driver := &host.Driver{}
	env := rt.NewHostModuleBuilder("env")
	driver.Define(env, "yield", []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}, func(_ context.Context, args []uint64) ([]uint64, error) { return make([]uint64, 1), nil })
	if _, err := env.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	program, err := rt.CompileModule(ctx, []byte(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return func(args []string) (string, error) {
		var stdout bytes.Buffer
		var now int64
		inst, err := rt.InstantiateModule(ctx, program, wazero.NewModuleConfig().WithName("").WithStartFunctions().
			WithArgs(append([]string{path}, args...)...).WithStdout(&stdout).
			WithNanotime(func() int64 { return now }, 1).WithNanosleep(func(ns int64) { now += ns }))
		if err != nil {
			return "", err
		}
		defer inst.Close(ctx)
		buffer, err := host.Reserve(inst, host.DefaultBufferSize)
		if err == nil {
			err = driver.Attach(inst, buffer)
		}
		if err == nil {
			_, err = driver.Call(ctx, inst.ExportedFunction("_start"))
		}
		if exit := (*sys.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 0 {
			err = nil
		}
		return stdout.String(), err
	}
}
