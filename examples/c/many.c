/* As many fibers as the memory holds, all waiting at one channel.
 *
 *   watfiber run examples/c/many.wasm [FIBERS [BYTES]]
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static fiber_chan_t gate;
static long long sum;

static void *wait_at_gate(void *number) {
  void *value;
  fiber_chan_receive(gate, &value);
  sum += (intptr_t)number + (intptr_t)value;
  return NULL;
}

int main(int argc, char **argv) {
  int fibers = argc > 1 ? atoi(argv[1]) : 100000, bytes = argc > 2 ? atoi(argv[2]) : 1024;
  gate = fiber_chan_make(0);
  size_t before = __builtin_wasm_memory_size(0);
  for (int i = 0; i < fibers; i++) {
    if (fiber_spawn_sized(wait_at_gate, (void *)(intptr_t)i, bytes) == NULL) {
      printf("no memory for number %d\n", i);
      return 1;
    }
  }
  fiber_run(); /* until all wait */
  size_t pages = __builtin_wasm_memory_size(0) - before;
  printf("%d fibers wait, %d bytes each\n", fibers, (int)((long long)pages * 65536 / fibers));
  for (int i = 0; i < fibers; i++) fiber_chan_send(gate, (void *)1);
  fiber_run(); /* until all are done */
  printf("sum %lld\n", sum);
  return 0;
}
