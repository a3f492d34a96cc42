package examples_test

import (
	"testing"

	"github.com/tetratelabs/wazero"
)

// The library has memory of its own for a program without malloc: small blocks share
// pages, and all are used again.
func TestMemoryWithoutMalloc(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	inst, err := rt.Instantiate(ctx, []byte(read(t, build(t, "c/bare.wasm"))))
	if err != nil {
		t.Fatal(err)
	}
	call := func(name string, args ...uint64) uint32 {
		t.Helper()
		results, err := inst.ExportedFunction(name).Call(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(results[0])
	}
	before := call("pages")
	for _, c := range []struct{ n, capacity, pages uint64 }{
		{10000, 0, 6},      // 32 bytes each, and a page of lines
		{10000, 8, 10},     // 64 bytes each
		{10, 8184, 10},     // 32 768 bytes, one to a page
		{10, 16300, 10},    // a page each
		{10000, 0, 0},      // all that again
		{10000, 8, 0},      //
		{10, 8184, 0},      //
		{10, 16300, 0},     //
		{2, 100000, 14},    // 7 pages each
		{10000, 30, 40},    // 256 bytes, 255 to a page
		{10000, 14, 20},    // 128 bytes, 511 to a page
		{2, 100000, 0},     //
		{0, 0x0fffffff, 0}, // nothing
	} {
		sum := uint32(c.n * c.capacity * (c.n + c.capacity - 2) / 2)
		if got := call("fill", c.n, c.capacity); got != sum {
			t.Errorf("fill(%d, %d) is %d, not %d", c.n, c.capacity, got, sum)
		}
		after := call("pages")
		if got := uint64(after - before); got != c.pages {
			t.Errorf("fill(%d, %d) has taken %d pages, not %d", c.n, c.capacity, got, c.pages)
		}
		before = after
	}
	for seed := range uint64(5) {
		if wrong := call("churn", seed, 5000); wrong > 0 {
			t.Errorf("seed %d: %d values were wrong", seed, wrong)
		}
	}
	once := call("pages")
	call("churn", 1, 5000)
	if again := call("pages"); again != once {
		t.Errorf("the same again has taken %d pages more", again-once)
	}
}
