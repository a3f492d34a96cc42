/* Every fiber makes ten, which make ten each, until each has one number; the numbers are
 * added up on the way back. A fiber is freed when it is done and the next one gets its
 * memory, so that a million leaves take no more than a few kilobytes.
 *
 *   watfiber run examples/c/skynet.wasm [LEAVES]
 */
#include <fiber.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAN = 10, REGION_BYTES = 1024 };

struct range { int from, count; long long sum; };

static int made, alive, most;

static void *add_up(void *argument) {
  struct range *r = argument;
  if (++alive > most) most = alive;
  made++;
  if (r->count == 1) r->sum = r->from;
  for (int i = 0; i < FAN && r->count > 1; i++) {
    struct range part = {r->from + i * (r->count / FAN), r->count / FAN, 0};
    fiber_t f = fiber_sized_alloc(REGION_BYTES, add_up);
    fiber_resume(f, &part, NULL);
    fiber_free(f);
    r->sum += part.sum;
  }
  alive--;
  return NULL;
}

int main(int argc, char **argv) {
  struct range all = {0, argc > 1 ? atoi(argv[1]) : 10000, 0};
  fiber_t f = fiber_sized_alloc(REGION_BYTES, add_up);
  fiber_resume(f, &all, NULL);
  fiber_free(f);
  printf("%d leaves add up to %lld\n%d fibers, at most %d at once\n", all.count, all.sum, made, most);
  return 0;
}
