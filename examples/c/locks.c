/* Fibers that share things: a mutex, a condition variable, a semaphore, a wait group.
 *
 *   watfiber run examples/c/locks.wasm
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>

static fiber_group_t all;

static void go(fiber_entry_point_t entry, intptr_t argument) {
  fiber_group_add(&all, 1);
  fiber_spawn(entry, (void *)argument);
}

static void *end(void) {
  fiber_group_done(&all);
  return NULL;
}

/* ---- a mutex: what lies between lock and unlock is not interrupted ---- */

static fiber_mutex_t mutex = FIBER_MUTEX;
static int total;

static void *add(void *n) {
  for (int i = 0; i < 3; i++) {
    fiber_mutex_lock(&mutex);
    int before = total;
    fiber_pass(); /* others run, but none that wants the mutex */
    total = before + (int)(intptr_t)n;
    printf("%d: %d\n", (int)(intptr_t)n, total);
    fiber_mutex_unlock(&mutex);
  }
  return end();
}

/* ---- a condition: a bounded queue ---- */

enum { ROOM = 2, ITEMS = 6 };
static fiber_cond_t filled, emptied;
static int queue[ROOM], first, count;

static void *put(void *unused) {
  (void)unused;
  for (int i = 1; i <= ITEMS; i++) {
    fiber_mutex_lock(&mutex);
    while (count == ROOM) fiber_cond_wait(&emptied, &mutex);
    queue[(first + count++) % ROOM] = i * i;
    fiber_cond_signal(&filled);
    fiber_mutex_unlock(&mutex);
    printf("put %d\n", i * i);
  }
  return end();
}

static void *take(void *unused) {
  (void)unused;
  for (int i = 1; i <= ITEMS; i++) {
    fiber_mutex_lock(&mutex);
    while (count == 0) fiber_cond_wait(&filled, &mutex);
    int got = queue[first];
    first = (first + 1) % ROOM, count--;
    fiber_cond_broadcast(&emptied);
    fiber_mutex_unlock(&mutex);
    printf("    took %d\n", got);
  }
  return end();
}

/* ---- a semaphore: two at a time ---- */

static fiber_sem_t seats = {2, NULL, NULL};
static int seated;

static void *sit(void *name) {
  fiber_sem_acquire(&seats);
  printf("%c sits, %d seated\n", (int)(intptr_t)name, ++seated);
  fiber_pass(), fiber_pass();
  seated--;
  fiber_sem_release(&seats);
  return end();
}

int main(void) {
  go(add, 1), go(add, 10);
  fiber_group_wait(&all);
  go(take, 0), go(put, 0);
  fiber_group_wait(&all);
  for (int c = 'a'; c <= 'e'; c++) go(sit, c);
  fiber_group_wait(&all);
  fiber_group_wait(&all); /* nothing to wait for */
  return 0;
}
