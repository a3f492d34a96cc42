#include "fiber.h"
#include <stdlib.h>

#define ASYNCIFY(name) __attribute__((import_module("asyncify"), import_name(#name))) void name
ASYNCIFY(start_unwind)(void *data);
ASYNCIFY(stop_unwind)(void);
ASYNCIFY(start_rewind)(void *data);
ASYNCIFY(stop_rewind)(void);

/* The pointer of the C stack is a global of the module, not of C. */
__attribute__((always_inline)) static inline char *get_sp(void) {
  char *sp;
  __asm__ volatile(".globaltype __stack_pointer, i32\nglobal.get __stack_pointer\nlocal.set %0" : "=r"(sp) : : "memory");
  return sp;
}

__attribute__((always_inline)) static inline void set_sp(char *sp) {
  __asm__ volatile(".globaltype __stack_pointer, i32\nlocal.get %0\nglobal.set __stack_pointer" : : "r"(sp) : "memory");
}

static fiber_t running, pool;
static int rewinding;

/* A region from the pool if there is one of the size. */
fiber_t fiber_sized_alloc(size_t size, fiber_entry_point_t entry) {
  size = (size + 15) & ~(size_t)15;
  fiber_t *from = &pool;
  while (*from && (*from)->size != size) from = &(*from)->next;
  fiber_t f = *from;
  if (f) *from = f->next;
  else if ((f = malloc(size)) == NULL) return NULL;
  f->frames.position = (char *)(f + 1);
  f->size = size;
  f->sp = (char *)f + size;
  f->entry = entry;
  f->status = FIBER_NEW;
  return f;
}

void fiber_free(fiber_t f) {
  f->next = pool;
  pool = f;
}

/* A bottom: it calls start_rewind and stop_unwind, so neither it nor its callers need
 * to be instrumented on its account. */
__attribute__((noinline)) void *fiber_resume(fiber_t f, void *value, fiber_result_t *result) {
  if (f->status > FIBER_SUSPENDED) {
    if (result) *result = FIBER_ERROR;
    return NULL;
  }
  fiber_t resumer = running;
  char *sp = get_sp();
  running = f;
  f->value = value;
  set_sp(f->sp);
  if (f->status == FIBER_SUSPENDED) {
    rewinding = 1;
    start_rewind(&f->frames);
  }
  f->status = FIBER_RUNNING;
  void *got = f->entry(value); /* in a rewind the argument does not matter */
  if (f->status == FIBER_SUSPENDED) {
    stop_unwind(); /* traps if the frames did not fit */
    got = f->value;
  } else {
    f->status = FIBER_DONE;
  }
  set_sp(sp);
  running = resumer;
  if (result) *result = f->status == FIBER_DONE ? FIBER_OK : FIBER_YIELD;
  return got;
}

/* A top: it calls start_unwind, and at the end of the rewind, when it is called once
 * more, stop_rewind. */
__attribute__((noinline)) void *fiber_yield(void *value) {
  fiber_t f = running;
  if (rewinding) {
    rewinding = 0;
    stop_rewind();
    return f->value;
  }
  f->value = value;
  f->status = FIBER_SUSPENDED;
  f->sp = f->frames.end = get_sp(); /* the frames must not meet the C stack */
  start_unwind(&f->frames);
  return NULL;
}
