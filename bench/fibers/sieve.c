/* Every prime is a fiber that resumes the one before it for the next number and lets
 * through what it does not divide: chains of resumptions as long as there are primes. */
#include "shape.h"

struct filter { fiber_t source; int prime; };

static void *numbers(void *from) {
  for (int n = INT(from);; n++) fiber_yield(PTR(n));
}

static void *filter(void *argument) {
  struct filter *f = argument;
  for (;;) {
    int n = INT(resume(f->source, PTR(2)));
    if (n % f->prime != 0) fiber_yield(PTR(n));
  }
}

SHAPE(sieve)(int primes) {
  struct filter *filters = malloc(primes * sizeof *filters);
  fiber_t source = fiber_sized_alloc(1024, numbers);
  int prime = 0;
  for (int i = 0; i < primes; i++) {
    prime = INT(resume(source, i == 0 ? PTR(2) : &filters[i - 1]));
    filters[i] = (struct filter){source, prime};
    source = fiber_sized_alloc(1024, filter);
  }
  look_at(filters[primes - 1].source);
  fiber_free(source);
  for (int i = 0; i < primes; i++) fiber_free(filters[i].source);
  free(filters);
  return prime;
}
