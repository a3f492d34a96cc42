/* One fiber counts, and yields below a recursion of some depth; the numbers are added
 * up. It is the cost of a switch and of the frames that it takes away and brings back. */
#include "shape.h"

struct plan { int depth, count; };

__attribute__((noinline)) static int descend(int depth, int count) {
  if (depth > 0) {
    int n = descend(depth - 1, count);
    __asm__ volatile("" : "+r"(depth)); /* is needed behind the call: no loop is made of this */
    return n + depth;
  }
  for (int i = 1; i <= count; i++) fiber_yield(PTR(i));
  return 0;
}

static void *numbers(void *argument) {
  struct plan *p = argument;
  descend(p->depth, p->count);
  return NULL;
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
