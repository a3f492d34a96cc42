/* Fibers in C on the four imports of module asyncify, as well as we can make them: a
 * resumption calls the entry of the fiber and gets to its last yield by a rewind, a
 * yield unwinds to the resumption, so the resumer keeps its place on the stack of the
 * engine. No scheduler, and no switch from one fiber to another. */
#ifndef FIBER_H
#define FIBER_H
#define FIBER_ASYNCIFY

#include <stddef.h>

typedef void *(*fiber_entry_point_t)(void *value);
typedef enum { FIBER_NEW, FIBER_SUSPENDED, FIBER_RUNNING, FIBER_DONE } fiber_status_t;
typedef enum { FIBER_OK, FIBER_YIELD, FIBER_ERROR } fiber_result_t;

/* A fiber lies at the start of its region; frames grow up behind it, the C stack grows
 * down from the end. */
typedef struct fiber {
  struct { char *position, *end; } frames; /* the data block of the ABI */
  char *sp;                                /* of the C stack, while it is suspended */
  fiber_entry_point_t entry;
  fiber_status_t status;
  void *value;        /* what a resumption brings, or a yield */
  struct fiber *next; /* in the pool */
  size_t size;
} *fiber_t;

fiber_t fiber_sized_alloc(size_t stack_size, fiber_entry_point_t entry);
void fiber_free(fiber_t fiber);
void *fiber_resume(fiber_t fiber, void *value, fiber_result_t *result);
void *fiber_yield(void *value);

static inline fiber_t fiber_alloc(fiber_entry_point_t entry) { return fiber_sized_alloc(64 * 1024, entry); }

#endif
