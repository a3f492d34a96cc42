package host_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

func TestTypedFunctions(t *testing.T) {
	const program = `
(module
  (import "env" "mix" (func $mix (param i32 i64 f32 i32 i32 f64) (result i64)))
  (import "env" "half" (func $half (param f64) (result f64)))
  (import "env" "check" (func $check (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "seven")
  (func (export "mix") (param i32 i64) (result i64)
    (call $mix (local.get 0) (local.get 1) (f32.const 1.5) (i32.const 16) (i32.const 5) (f64.const 0.25)))
  (func (export "half") (param f64) (result f64) (call $half (local.get 0)))
  (func (export "check") (param i32 i32) (call $check (local.get 0) (local.get 1))))`
	unread := errors.New("nobody has read it")
	s := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{})
	for name, fn := range map[string]any{
		"mix": func(_ context.Context, _ *host.Instance, a int32, b uint64, c float32, d string, e float64) (int64, error) {
			return int64(a) + int64(b) + int64(4*c) + int64(len(d)) + int64(4*e), nil
		},
		"half":  func(x float64) float64 { return x / 2 },
		"check": func(text string) error { return unread },
	} {
		if err := s.h.SuspendingFunc("env", name, fn); err != nil {
			t.Fatal(err)
		}
	}
	s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.*"}, ExportStack: true}))
	minus := int64(-1000)
	got, err := s.Call(t.Context(), "mix", math.MaxUint32, uint64(minus)) // -1 and -1000
	if err != nil || int64(got[0]) != -1000-1+6+5+1 {
		t.Errorf("mix is %v: %v", got, err)
	}
	got, err = s.Call(t.Context(), "half", math.Float64bits(5))
	if err != nil || math.Float64frombits(got[0]) != 2.5 {
		t.Errorf("half is %v: %v", got, err)
	}
	if _, err = s.Call(t.Context(), "check", 16, 5); !errors.Is(err, unread) {
		t.Errorf("check: %v", err)
	}
	_, err = s.Call(t.Context(), "check", 1<<30, 5)
	if wantError[*host.HostError](t, err); err.Error() != "env.check: there are no 5 bytes at 0x40000000 in the memory" {
		t.Errorf("check: %v", err)
	}
	for _, c := range []struct {
		fn   any
		want string
	}{
		{nil, "env.f: a function is needed, without variadic parameters"},
		{func(...int32) {}, "env.f: a function is needed, without variadic parameters"},
		{func(context.Context, []byte) {}, "env.f: parameter 1: there is no value of WebAssembly for []uint8"},
		{func() (error, error) { return nil, nil }, "env.f: result 0: there is no value of WebAssembly for error"},
		{func() string { return "" }, "env.f: result 0: there is no value of WebAssembly for string"},
	} {
		if err := s.h.SuspendingFunc("env", "f", c.fn); err == nil || err.Error() != c.want {
			t.Errorf("%T: the error is %v, not %s", c.fn, err, c.want)
		}
	}
}
