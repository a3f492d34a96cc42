package host_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat/binary"
)

// A service in C, examples/c/server.c, asks its host for values; a thousand of its calls
// wait for them at the same time, in one instance.
func Example() {
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)

	h := host.New(rt, host.Config{})
	asked := make(chan string)
	err := h.SuspendingFunc("env", "fetch", func(i *host.Instance, key string, out, size uint32) int32 {
		asked <- key // blocks, and no other call minds
		i.Write(out, []byte("*"))
		return 1
	})
	if err != nil {
		log.Fatal(err)
	}
	inst, err := h.Instantiate(ctx, builtServer(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer inst.Close(ctx)

	var calls []*host.Call
	for range 1000 {
		calls = append(calls, inst.Go(ctx, "sum", 0))
	}
	for range calls {
		<-asked
	}
	total := uint64(0)
	for _, call := range calls {
		results, err := call.Wait()
		if err != nil {
			log.Fatal(err)
		}
		total += results[0]
	}
	fmt.Println(total == 1000*'*')
	// Output: true
}

// builtServer returns what watfiber build --suspend=env.fetch --export-stack makes of the
// module.
func builtServer() []byte {
	data, err := os.ReadFile("../../examples/c/server.wasm")
	if err != nil {
		log.Fatal(err)
	}
	m, err := binary.Decode("server.wasm", string(data))
	if err != nil {
		log.Fatal(err)
	}
	r, err := rewrite.Rewrite(m, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true})
	if err != nil {
		log.Fatal(err)
	}
	return binary.Encode(r.Module)
}
