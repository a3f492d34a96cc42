/* emscripten/fiber.h over fiber.h. Stacks come from the fiber library: of those that a
 * program hands over only the sizes count. */
#ifndef FIBER_EMSCRIPTEN_H
#define FIBER_EMSCRIPTEN_H

#include <fiber.h>
#include <stddef.h>
#include <stdlib.h>

typedef void (*em_arg_callback_func)(void *);

typedef struct emscripten_fiber_s {
  em_arg_callback_func entry;
  void *user_data;
  fiber_t fiber_of;
} emscripten_fiber_t;

/* An entry must not return: the program would end, and does. */
static void *fiber_run_emscripten(void *value) {
  emscripten_fiber_t *fiber = value;
  fiber->entry(fiber->user_data);
  exit(0);
}

static inline void emscripten_fiber_init(emscripten_fiber_t *fiber, em_arg_callback_func entry, void *argument,
                                         void *c_stack, size_t c_stack_size, void *asyncify_stack,
                                         size_t asyncify_stack_size) {
  (void)c_stack, (void)asyncify_stack;
  fiber->entry = entry, fiber->user_data = argument;
  fiber->fiber_of = fiber_create(fiber_run_emscripten, c_stack_size + asyncify_stack_size);
  if (fiber->fiber_of == NULL) abort();
}

static inline void emscripten_fiber_init_from_current_context(emscripten_fiber_t *fiber, void *asyncify_stack,
                                                              size_t asyncify_stack_size) {
  (void)asyncify_stack, (void)asyncify_stack_size;
  fiber->fiber_of = fiber_current();
}

static inline void emscripten_fiber_swap(emscripten_fiber_t *from, emscripten_fiber_t *to) {
  from->fiber_of = fiber_current();
  fiber_switch(to->fiber_of, to);
}

#endif
