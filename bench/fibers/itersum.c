/* One fiber counts, and yields below a recursion of some depth; the numbers are added
 * up. It is the cost of a switch and of the frames that it takes away and brings back. */
#include "shape.h"

struct plan { int depth, count; };

__attribute__((noinline)) static int descend(int depth, int count) {
  if (depth > 0) return descend(depth - 1, count) ^ depth;
  for (int i = 1; i <= count; i++) fiber_yield(PTR(i));
  return 0;
}

static void *numbers(void *argument) {
  struct plan *p = argument;
  return PTR(descend(p->depth, p->count) & 0);
}

SHAPE(itersum)(int depth, int count) {
  struct plan p = {depth, count};
  fiber_t f = fiber_sized_alloc(16 * 1024, numbers);
  unsigned sum = 0;
  for (int n; (n = INT(resume(f, &p))) != 0;) {
    sum += n;
    if (n == 1) look_at(f);
  }
  fiber_free(f);
  return sum;
}
