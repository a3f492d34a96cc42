/* A fiber that recurses on a small stack. Its memory serves two stacks: the C stack
 * grows down from the top, frames of suspended functions grow up from the bottom. Too
 * deep, and the program ends in a function whose name says which of them was full:
 *
 *   watfiber run examples/c/deep.wasm BYTES DEPTH
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int dig(int depth) {
  volatile int here[8] = {depth};
  if (depth == 0) fiber_yield(NULL);
  else here[1] = dig(depth - 1);
  return here[0] + here[1];
}

static void *start(void *depth) { return (void *)(intptr_t)dig((int)(intptr_t)depth); }

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  fiber_t f = fiber_sized_alloc(atoi(argv[1]), start);
  fiber_resume(f, (void *)(intptr_t)atoi(argv[2]), NULL);
  printf("sum %d\n", (int)(intptr_t)fiber_resume(f, NULL, NULL));
  fiber_result_t result;
  fiber_resume(f, NULL, &result); /* says that it cannot */
  if (result == FIBER_ERROR) puts("done");
  fiber_free(f);
  return 0;
}
