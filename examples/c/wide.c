// A program that looks at frames of two kinds: ten values of a function are needed behind
// its first call, and not behind its second.
#include <stdio.h>

#include "fiber.h"

__attribute__((noinline)) static void rests(void) {
  fiber_yield(NULL); // RESTS
}

__attribute__((noinline)) static void turns(volatile double *v) {
  double a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7], i = v[8], j = v[9];
  rests(); // WHOLE
  v[0] = j, v[1] = i, v[2] = h, v[3] = g, v[4] = f, v[5] = e, v[6] = d, v[7] = c, v[8] = b, v[9] = a;
  fiber_yield(NULL); // SMALL
  v[0] += 100;
}

static void *starts(void *v) {
  turns(v); // STARTS
  return NULL;
}

static void shows(void *fiber) {
  fiber_frame_t frames[8];
  size_t n = fiber_backtrace(fiber, frames, 8);
  for (size_t k = 0; k < n && k < 8; k++) {
    fiber_local_t locals[16];
    size_t known = fiber_locals(fiber, k, locals, 16);
    printf("%s %s:%d", frames[k].function, frames[k].file, frames[k].line);
    for (size_t i = 0; i < known && i < 16; i++)
      if (locals[i].type == 'd') printf(" %g", *(double *)locals[i].value);
    printf("\n");
  }
}

int main(void) {
  double v[10];
  for (int i = 0; i < 10; i++) v[i] = i + 0.5;
  fiber_t f = fiber_alloc(starts);
  fiber_resume(f, v, NULL);
  while (fiber_status(f) == FIBER_SUSPENDED) {
    fiber_look(shows, f);
    fiber_resume(f, NULL, NULL);
  }
  for (int i = 0; i < 10; i++) printf("%g ", v[i]);
  printf("\n");
  fiber_free(f);
}
