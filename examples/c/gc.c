// A garbage collector that finds objects which only a local of a suspended function
// refers to: once by looking at all words of all stacks, once by the map of the frames.
// Objects that nothing refers to are freed, each time.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fiber.h"

typedef struct object {
  struct object *next; // of all objects
  int marked;
  int number;
} object;

static object *all;

// Addresses of objects must not lie about in memory that is looked at by chance, so
// programs know them by another number.
#define HIDE(p) (~(uintptr_t)(p))

static uintptr_t make(int number) {
  object *o = malloc(sizeof *o);
  *o = (object){all, 0, number};
  all = o;
  return HIDE(o);
}

static void mark(void *word) {
  for (object *o = all; o; o = o->next) {
    if (o == word) o->marked = 1;
  }
}

static void mark_range(void *start, void *end, void *unused) {
  (void)unused;
  for (void **at = start; at + 1 <= (void **)end; at++) mark(*at);
}

static void mark_slot(void **slot, void *count) {
  ++*(int *)count;
  mark(*slot);
}

static void collect(void *exact) {
  int slots = 0;
  if (exact) {
    fiber_slots(mark_slot, &slots);
  } else {
    fiber_ranges(mark_range, NULL);
  }
  printf("%s scan keeps", exact ? "exact" : "conservative");
  for (object **at = &all; *at;) {
    object *o = *at;
    if (o->marked) {
      printf(" %d", o->number);
      o->marked = 0;
      at = &o->next;
    } else {
      *at = o->next;
      free(o);
    }
  }
  printf("\n");
}

// The pointer is in a local only while the fiber is suspended; nothing refers to the
// other object.
__attribute__((noinline)) static void *holds(void *number) {
  object *mine = (object *)HIDE(make((int)number));
  make((int)number + 1);
  fiber_yield(NULL);
  printf("%d is still there\n", mine->number);
  fiber_yield(NULL);
  return NULL;
}

// The same in a function that the fiber calls, behind a floating-point number and with
// a pointer through a table.
__attribute__((noinline)) static double deep(object *mine, double x, double (*again)(object *, double, void *), void *more) {
  double y = again ? again(mine, x + 1, more) : (fiber_yield(NULL), x);
  return y * 2 + mine->number;
}

static double once(object *mine, double x, void *more) {
  object *another = (object *)HIDE(make(31));
  double y = deep(mine, x, NULL, more);
  return y + another->number;
}

static void *holds_deep(void *unused) {
  object *mine = (object *)HIDE(make(30));
  printf("%g\n", deep(mine, 0.5, once, unused));
  return NULL;
}

__attribute__((noinline)) static void collect_here(int exact) {
  object *mine = (object *)HIDE(make(40));
  make(41);
  fiber_look(collect, (void *)exact);
  printf("%d is still there\n", mine->number);
}

static void *collects(void *exact) {
  collect_here((int)exact);
  return NULL;
}

int main(void) {
  for (int exact = 0; exact < 2; exact++) {
    fiber_t a = fiber_alloc(holds), b = fiber_alloc(holds), c = fiber_alloc(holds_deep), d = fiber_alloc(collects);
    fiber_resume(a, (void *)10, NULL);
    fiber_resume(b, (void *)20, NULL);
    fiber_resume(c, NULL, NULL);
    collect_here(exact);
    fiber_resume(a, NULL, NULL); // what it holds is not needed any more from here on
    fiber_resume(d, (void *)exact, NULL); // the same from inside a fiber
    fiber_resume(b, NULL, NULL);
    fiber_resume(c, NULL, NULL);
    fiber_free(a), fiber_free(b), fiber_free(c), fiber_free(d);
  }
}
