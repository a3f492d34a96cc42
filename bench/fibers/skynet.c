/* Each fiber makes ten, which make ten each, and so on; the leaves return their
 * numbers. It is the cost to make a fiber, run it once, and free it. */
#include "shape.h"

enum { FAN = 10 };

struct range { int from, count; };

static void *add_up(void *argument) {
  struct range r = *(struct range *)argument, parts[FAN];
  fiber_t fibers[FAN];
  if (r.count == 1) return PTR(r.from);
  for (int i = 0; i < FAN; i++) {
    parts[i] = (struct range){r.from + i * (r.count / FAN), r.count / FAN};
    fibers[i] = fiber_sized_alloc(1024, add_up);
  }
  unsigned sum = 0;
  for (int i = 0; i < FAN; i++) {
    sum += INT(resume(fibers[i], &parts[i]));
    fiber_free(fibers[i]);
  }
  return PTR(sum);
}

SHAPE(skynet)(int leaves) {
  struct range all = {0, leaves};
  fiber_t f = fiber_sized_alloc(1024, add_up);
  int sum = INT(resume(f, &all));
  fiber_free(f);
  return sum;
}
