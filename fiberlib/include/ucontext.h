/* ucontext.h over fiber.h, for programs that switch with it. A context gets its stack
 * from the fiber library, of the size of uc_stack; the memory of uc_stack is not used.
 * What is left out: setcontext to a context that getcontext has saved in the middle of a
 * function, and signal masks. */
#ifndef FIBER_UCONTEXT_H
#define FIBER_UCONTEXT_H

#include <fiber.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  void *ss_sp;
  size_t ss_size;
  int ss_flags;
} stack_t;

typedef struct ucontext {
  struct ucontext *uc_link; /* what runs when the function returns; NULL: the program ends */
  stack_t uc_stack;
  fiber_t fiber_of;
  void (*fiber_entry)(void);
  int fiber_argc;
  intptr_t fiber_argv[6];
} ucontext_t;

static inline int getcontext(ucontext_t *context) {
  context->fiber_of = fiber_current();
  return 0;
}

static inline int swapcontext(ucontext_t *from, ucontext_t *to) {
  from->fiber_of = fiber_current();
  fiber_switch(to->fiber_of, to);
  return 0;
}

static inline int setcontext(ucontext_t *to) {
  fiber_switch(to->fiber_of, to);
  abort(); /* nobody switches back */
}

static void *fiber_run_context(void *value) {
  ucontext_t *c = value;
  intptr_t *a = c->fiber_argv;
  switch (c->fiber_argc) {
  case 0: c->fiber_entry(); break;
  case 1: ((void (*)(intptr_t))c->fiber_entry)(a[0]); break;
  case 2: ((void (*)(intptr_t, intptr_t))c->fiber_entry)(a[0], a[1]); break;
  case 3: ((void (*)(intptr_t, intptr_t, intptr_t))c->fiber_entry)(a[0], a[1], a[2]); break;
  case 4: ((void (*)(intptr_t, intptr_t, intptr_t, intptr_t))c->fiber_entry)(a[0], a[1], a[2], a[3]); break;
  default: abort();
  }
  if (c->uc_link == NULL) exit(0);
  setcontext(c->uc_link);
  return NULL;
}

/* argc arguments of type int or pointer, at most 4. */
static inline void makecontext(ucontext_t *context, void (*entry)(void), int argc, ...) {
  va_list list;
  va_start(list, argc);
  for (int i = 0; i < argc && i < 6; i++) context->fiber_argv[i] = va_arg(list, int);
  va_end(list);
  context->fiber_entry = entry, context->fiber_argc = argc;
  context->fiber_of = fiber_create(fiber_run_context, context->uc_stack.ss_size);
  if (context->fiber_of == NULL) abort();
}

#endif
