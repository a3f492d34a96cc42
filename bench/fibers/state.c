/* A program that has no variable of its own: it asks for the value and for it to be
 * changed, and whoever has resumed it answers. The questions lie on its C stack. */
#include "shape.h"

struct question { enum { GET, PUT } what; int value; };

static int get(void) {
  struct question q = {GET, 0};
  fiber_yield(&q);
  return q.value;
}

static void put(int value) {
  struct question q = {PUT, value};
  fiber_yield(&q);
}

static void *count_down(void *unused) {
  (void)unused;
  for (int n; (n = get()) > 0;) put(n - 1);
  return NULL;
}

SHAPE(state)(int from) {
  int state = from, questions = 0;
  fiber_t f = fiber_sized_alloc(16 * 1024, count_down);
  for (struct question *q; (q = resume(f, NULL)) != NULL; questions++) {
    if (q->what == GET) q->value = state;
    else state = q->value;
    if (questions == 0) look_at(f);
  }
  fiber_free(f);
  return questions;
}
