/* A program for emscripten/fiber.h; fiberlib/include has that header for any engine.
 * Natively it uses the other fibers of these examples.
 *
 *   watfiber run examples/c/swap.wasm
 */
#include <emscripten/fiber.h>
#include <stdio.h>

enum { FIBERS = 3, STACK_BYTES = 16 * 1024 };

static emscripten_fiber_t from_main, fibers[FIBERS];
static char stacks[FIBERS][STACK_BYTES], frames[FIBERS + 1][4096];
static int order[] = {0, 1, 0, 2, 1, 2, 2, 0, 1}, at;

struct work { int number, done; };

static void run(void *argument) {
  struct work *work = argument;
  int seen[3] = {0}; /* on the C stack while others run */
  for (int i = 0;; i++) {
    seen[i] = at;
    work->done++;
    printf("fiber %d at %d, after %d\n", work->number, at, i > 0 ? seen[i - 1] : -1);
    emscripten_fiber_swap(&fibers[work->number], &from_main);
  }
}

int main(void) {
  static struct work work[FIBERS];
  emscripten_fiber_init_from_current_context(&from_main, frames[FIBERS], sizeof frames[FIBERS]);
  for (int i = 0; i < FIBERS; i++) {
    work[i].number = i;
    emscripten_fiber_init(&fibers[i], run, &work[i], stacks[i], sizeof stacks[i], frames[i], sizeof frames[i]);
  }
  for (at = 0; at < (int)(sizeof order / sizeof *order); at++) emscripten_fiber_swap(&from_main, &fibers[order[at]]);
  for (int i = 0; i < FIBERS; i++) printf("fiber %d ran %d times\n", i, work[i].done);
  return 0;
}
