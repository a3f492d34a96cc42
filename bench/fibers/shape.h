/* What the shapes have in common. They use what fiber libraries share: alloc, resume,
 * yield, free. fiber.h is that of fiberlib, or the one in asyncify/, which has a
 * runtime in C on the imports of module asyncify. */
#ifndef SHAPE_H
#define SHAPE_H

#include <fiber.h>
#include <stdint.h>
#include <stdlib.h>

#define SHAPE(name) __attribute__((export_name(#name))) int name
#define INT(p) ((int)(intptr_t)(p))
#define PTR(i) ((void *)(intptr_t)(i))

extern int resumed; /* how often fibers were resumed */
extern int parked;  /* bytes of the fiber that look_at has seen */

static inline void *resume(fiber_t f, void *value) {
  resumed++;
  return fiber_resume(f, value, NULL);
}

/* Notes how much of its memory a suspended fiber uses. */
void look_at(fiber_t f);

#endif
