/* Connections come and go, so many of them active at once; each writes to some stack
 * and waits a few times. It is the cost of switches between fibers that are no longer
 * in the caches, and of memory. */
#include "shape.h"
#include <string.h>

enum { REQUESTS = 3 };

__attribute__((noinline)) static int answer(int number, int bytes) {
  volatile char page[bytes];
  for (int i = 0; i < bytes; i += 64) page[i] = (char)number;
  int sum = 0;
  for (int i = 0; i < REQUESTS; i++) {
    fiber_yield(PTR(1));
    sum += page[(number * 64) % bytes];
  }
  return sum;
}

static int touched;

static void *connection(void *number) {
  return PTR(answer(INT(number), touched) << 1);
}

SHAPE(c10m)(int connections, int active, int bytes) {
  touched = bytes;
  fiber_t *fibers = malloc(active * sizeof *fibers);
  int accepted = 0, closed = 0;
  unsigned sum = 0;
  for (; accepted < active; accepted++) {
    fibers[accepted] = fiber_sized_alloc(bytes + 1024, connection);
    resume(fibers[accepted], PTR(accepted));
  }
  look_at(fibers[0]);
  while (closed < connections) {
    for (int i = 0; i < active; i++) {
      if (fibers[i] == NULL) continue;
      int got = INT(resume(fibers[i], NULL));
      if (got == 1) continue;
      sum += got;
      closed++;
      fiber_free(fibers[i]);
      fibers[i] = NULL;
      if (accepted == connections) continue;
      fibers[i] = fiber_sized_alloc(bytes + 1024, connection);
      resume(fibers[i], PTR(accepted++));
    }
  }
  free(fibers);
  return sum;
}
