// Fibers that wait for each other: one receives what another would send if it got what
// it receives itself, one locks a mutex twice. The program ends with a report of where
// each of them is.
#include <stdint.h>

#include "fiber.h"

static fiber_chan_t left, right;
static fiber_mutex_t mutex = FIBER_MUTEX;

__attribute__((noinline)) static intptr_t waits_deep(fiber_chan_t chan, intptr_t depth) {
  volatile intptr_t kept = depth; // so that no compiler makes a loop of the recursion
  if (depth > 0) {
    return waits_deep(chan, depth - 1) + kept; // RECURSES
  }
  void *value;
  fiber_chan_receive(chan, &value); // RECEIVES
  return (intptr_t)value;
}

static void *philosopher(void *first) {
  fiber_chan_t second = first == left ? right : left;
  intptr_t got = waits_deep(first, 2); // WAITS
  fiber_chan_send(second, (void *)got);
  return NULL;
}

static void *locker(void *unused) {
  fiber_sem_acquire(&mutex);
  fiber_sem_acquire(&mutex); // LOCKS
  return unused;
}

int main(void) {
  left = fiber_chan_make(0);
  right = fiber_chan_make(0);
  fiber_spawn(philosopher, left);
  fiber_spawn(philosopher, right);
  fiber_t f = fiber_create(locker, 0);
  fiber_start(f, NULL);
  fiber_join(f);
}
