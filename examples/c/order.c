/* Fibers that add up numbers. What comes out at a channel does not depend on the order in
 * which they run; a counter does that is read before a fiber lets others run and written
 * behind. In the usual order nobody notices:
 *
 *   watfiber run examples/c/order.wasm
 *   watfiber run --seed=7 examples/c/order.wasm
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIBERS = 8 };
static fiber_chan_t results;
static int turn, counter;

static void *add_up(void *from) {
  intptr_t sum = 0;
  for (intptr_t i = 0; i < 10; i++) {
    sum += (intptr_t)from * 10 + i;
    fiber_pass();
  }
  printf("%d", (int)(intptr_t)from);
  fiber_chan_send(results, (void *)sum);
  return NULL;
}

static void *count(void *mine) {
  for (int i = 0; i < 10; i++) {
    while (turn % 2 != (intptr_t)mine) fiber_pass();
    int read = counter;
    turn++;
    fiber_pass(); /* the other one counts from where this one has read */
    counter = read + 1;
  }
  return NULL;
}

int main(int argc, char **argv) {
  int sum = 0;
  void *value;
  if (argc > 1) fiber_seed((unsigned)atoi(argv[1]));
  results = fiber_chan_make(3);
  for (intptr_t i = 0; i < FIBERS; i++) fiber_spawn(add_up, (void *)i);
  for (int i = 0; i < FIBERS; i++) fiber_chan_receive(results, &value), sum += (int)(intptr_t)value;
  for (intptr_t i = 0; i < 2; i++) fiber_spawn(count, (void *)i);
  fiber_run();
  printf("\nsum %d, counter %d\n", sum, counter);
  return 0;
}
