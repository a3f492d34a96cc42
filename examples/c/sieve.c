/* A sieve in which every prime is a fiber that resumes the one before it for the next
 * number and yields those that it does not divide. With 2000 of them resumptions
 * are nested as deep, and two kilobytes are enough for each fiber.
 *
 *   watfiber run examples/c/sieve.wasm [PRIMES]
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { REGION_BYTES = 2048 };

struct filter { fiber_t source; intptr_t prime; };

static void *numbers(void *from) {
  for (intptr_t n = (intptr_t)from;; n++) fiber_yield((void *)n);
}

static void *filter(void *argument) {
  struct filter f = *(struct filter *)argument; /* in the C stack of this fiber */
  struct filter *here = &f;
  for (;;) {
    intptr_t n = (intptr_t)fiber_resume(here->source, (void *)2, NULL);
    if (n % here->prime != 0) fiber_yield((void *)n);
  }
}

int main(int argc, char **argv) {
  int primes = argc > 1 ? atoi(argv[1]) : 300;
  fiber_t *fibers = calloc(primes + 1, sizeof *fibers);
  struct filter f;
  fibers[0] = fiber_sized_alloc(REGION_BYTES, numbers);
  for (int i = 0; i < primes; i++) {
    intptr_t prime = (intptr_t)fiber_resume(fibers[i], i == 0 ? (void *)2 : &f, NULL);
    f = (struct filter){fibers[i], prime};
    fibers[i + 1] = fiber_sized_alloc(REGION_BYTES, filter);
  }
  printf("prime number %d is %d\n", primes, (int)f.prime);
  for (int i = 0; i <= primes; i++) fiber_free(fibers[i]);
  free(fibers);
  return 0;
}
