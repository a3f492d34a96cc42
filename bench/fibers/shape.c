#include "shape.h"

int resumed, parked;

__attribute__((export_name("resumptions"))) int resumptions(void) {
  int n = resumed;
  resumed = 0;
  return n;
}

__attribute__((export_name("parked_bytes"))) int parked_bytes(void) { return parked; }

/* The header, the frames, and the C stack. */
void look_at(fiber_t f) {
#ifdef FIBER_ASYNCIFY
  parked = (f->frames.position - (char *)f) + ((char *)f + f->size - f->sp);
#else
  char **word = (char **)f; /* as fiberlib/core.wat says */
  enum { POSITION = 2, SP = 4, TOP = 5 };
  parked = (word[POSITION] - (char *)f) + (word[TOP] - word[SP]);
#endif
}
