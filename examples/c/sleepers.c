/* A hundred fibers that sleep a hundred milliseconds each, with the sleep of the C
 * library: it takes a hundred milliseconds in all, since the library of fibers stands
 * in for the host where the program waits.
 *
 *   watfiber run --redirect=wasi examples/c/sleepers.wasm
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { SLEEPERS = 100, MILLISECONDS = 100 };

static fiber_group_t all;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void *sleeper(void *unused) {
  (void)unused;
  struct timespec t = {0, MILLISECONDS * 1000000L};
  nanosleep(&t, NULL);
  fiber_group_done(&all);
  return NULL;
}

static struct timespec begin;

/* Sleep sort: who has the least to wait is first. All count from the same moment, so that
 * a machine that is slow to start them changes nothing. */
static void *number(void *n) {
  struct timespec until = begin;
  until.tv_nsec += (intptr_t)n * 20000000L;
  if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  printf(" %d", (int)(intptr_t)n);
  fiber_group_done(&all);
  return NULL;
}

int main(void) {
  double start = seconds();
  for (int i = 0; i < SLEEPERS; i++) fiber_group_add(&all, 1), fiber_spawn_sized(sleeper, NULL, 4096);
  fiber_group_wait(&all);
  double took = seconds() - start;
  printf("%d sleeps of %d ms took %s\n", SLEEPERS, MILLISECONDS, took < 0.09 ? "less" : took < 5 ? "as long as one" : "longer");
  static const int numbers[] = {5, 1, 4, 2, 3};
  printf("sorted:");
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < 5; i++) fiber_group_add(&all, 1), fiber_spawn(number, (void *)(intptr_t)numbers[i]);
  fiber_group_wait(&all);
  printf("\n");
  return 0;
}
