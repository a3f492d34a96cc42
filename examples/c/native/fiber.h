/* What programs here use of fiberlib/include/fiber.h, for native builds: their output
 * is what the builds for WebAssembly have to print. */
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

typedef void *(*fiber_entry_point_t)(void *);
typedef enum { FIBER_NEW, FIBER_SUSPENDED, FIBER_RUNNING, FIBER_RESUMING, FIBER_DONE } fiber_status_t;
typedef enum { FIBER_OK, FIBER_YIELD, FIBER_ERROR } fiber_result_t;
typedef struct fiber {
  ucontext_t context;
  fiber_entry_point_t entry;
  fiber_status_t status;
  struct fiber *resumer, *next_free;
  void *value;
  char *stack;
} *fiber_t;

enum { NATIVE_STACK_BYTES = 64 * 1024 };
static struct fiber native_main = {.status = FIBER_RUNNING}, *native_running = &native_main, *native_pool;

static void native_enter(void) {
  fiber_t f = native_running;
  void *result = f->entry(f->value);
  f->status = FIBER_DONE, f->resumer->value = result;
  native_running = f->resumer, native_running->status = FIBER_RUNNING;
  setcontext(&native_running->context);
}

static inline fiber_t fiber_create(fiber_entry_point_t entry, size_t size) {
  (void)size;
  fiber_t f = native_pool;
  if (f) native_pool = f->next_free;
  else f = calloc(1, sizeof *f), f->stack = malloc(NATIVE_STACK_BYTES);
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = f->stack, f->context.uc_stack.ss_size = NATIVE_STACK_BYTES;
  f->entry = entry, f->status = FIBER_NEW;
  makecontext(&f->context, native_enter, 0);
  return f;
}

static inline fiber_t fiber_alloc(fiber_entry_point_t entry) { return fiber_create(entry, 0); }
static inline fiber_t fiber_sized_alloc(size_t size, fiber_entry_point_t entry) { return fiber_create(entry, size); }
static inline void fiber_free(fiber_t f) { f->next_free = native_pool, native_pool = f; }
static inline fiber_status_t fiber_status(fiber_t f) { return f->status; }
static inline fiber_t fiber_current(void) { return native_running; }

static inline void *native_switch(fiber_t to, void *value) {
  fiber_t from = native_running;
  to->value = value, to->status = FIBER_RUNNING, native_running = to;
  swapcontext(&from->context, &to->context);
  return from->value;
}

static inline void *fiber_switch(fiber_t to, void *value) {
  to->resumer = native_running->resumer, native_running->status = FIBER_SUSPENDED;
  return native_switch(to, value);
}

static inline void *fiber_yield(void *value) {
  native_running->status = FIBER_SUSPENDED;
  return native_switch(native_running->resumer, value);
}

static inline void *fiber_resume(fiber_t f, void *value, fiber_result_t *result) {
  if (f->status > FIBER_SUSPENDED) {
    if (result) *result = FIBER_ERROR;
    return NULL;
  }
  f->resumer = native_running, native_running->status = FIBER_RESUMING;
  void *got = native_switch(f, value);
  if (result) *result = f->status == FIBER_DONE ? FIBER_OK : FIBER_YIELD;
  return got;
}
