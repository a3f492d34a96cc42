// A program that says where its own suspended fibers are, and what they know there.
#include <stdint.h>
#include <stdio.h>

#include "fiber.h"

__attribute__((noinline)) static long long climbs(int depth, double height, long long steps) {
  if (depth == 0) {
    fiber_yield(NULL); // RESTS
    return steps;
  }
  volatile int kept = depth; // so that no compiler makes a loop of the recursion
  long long more = climbs(depth - 1, kept + height, steps + 100000000000); // CLIMBS
  height += kept;
  return more + (long long)(height * 10);
}

static void *climber(void *depth) {
  printf("%lld steps\n", climbs((int)depth, 0.75, 1)); // STARTS
  return NULL;
}

static void shows_value(const fiber_local_t *local) {
  switch (local->type) {
    case 'i': printf(" i32"); break;
    case 'l': printf(" %lld", *(long long *)local->value); break;
    case 'd': printf(" %g", *(double *)local->value); break;
    default: printf(" %c", local->type);
  }
}

// Called while no fiber runs, so that the calling one is seen, too.
static void shows(void *unused) {
  (void)unused;
  for (fiber_t f = fiber_each(NULL); f; f = fiber_each(f)) {
    fiber_frame_t frames[8];
    size_t n = fiber_backtrace(f, frames, 8);
    printf("%zu frames, %s\n", n, fiber_used(f) > 0 && fiber_most_used(f) >= fiber_used(f) ? "in use" : "not in use");
    for (size_t i = 0; i < n && i < 8; i++) {
      fiber_local_t locals[8];
      size_t known = fiber_locals(f, i, locals, 8);
      printf("  %s %s:%d", frames[i].function, frames[i].file ? frames[i].file : "?", frames[i].line);
      for (size_t k = 0; k < known && k < 8; k++) shows_value(&locals[k]);
      printf("\n");
    }
  }
}

int main(void) {
  fiber_t f = fiber_alloc(climber);
  fiber_resume(f, (void *)2, NULL);
  fiber_look(shows, NULL); // LOOKS
  fiber_resume(f, NULL, NULL);
  fiber_free(f);
}
