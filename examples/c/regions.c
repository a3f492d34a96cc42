/* A program that has fibers of its own, stacks and scheduler included, and needs nothing
 * but the switch: `swapcontext` and `wrap_with_fibers` of the library. Its stacks are a
 * static array; a native build switches by ucontext. */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIBERS = 20, STACK_BYTES = 32 * 1024 };

typedef struct task {
  fiber_region_t *region;
  struct task *next;
  int id, rounds;
} task_t;

static _Alignas(16) char stacks[FIBERS][STACK_BYTES];
static _Alignas(16) char main_frames[STACK_BYTES]; /* for frames of main, whose C stack is where it always is */
static fiber_region_t *main_region;
static task_t *first, *last, *running;
static int ended, switches;

static void enqueue(task_t *t) {
  t->next = NULL;
  if (first) last->next = t;
  else first = t;
  last = t;
}

static fiber_region_t *region_of(task_t *t) { return t ? t->region : main_region; }

static void switch_to(task_t *to) {
  task_t *from = running;
  running = to, switches++;
  fiber_swapcontext(region_of(from), region_of(to));
}

static task_t *dequeue(void) { /* NULL: main, when nobody else wants to run */
  task_t *t = first;
  if (t) first = t->next;
  return t;
}

static void pass(void) {
  if (running) enqueue(running);
  switch_to(dequeue());
}

/* Suspends at the bottom of a recursion, with state in C locals on the way. */
static int deep(int depth, int id) {
  volatile int here[4] = {depth, id, depth * id, 0};
  if (depth > 0) here[3] = deep(depth - 1, id);
  pass();
  return here[0] + here[1] + here[2] + here[3];
}

static void work(void *argument) {
  task_t *t = argument;
  for (int i = 1; i <= t->rounds; i++) {
    printf("task %d, round %d: %d\n", t->id, i, deep(i % 5, t->id));
    pass();
  }
  ended++;
  switch_to(dequeue());
  abort(); /* nobody switches to a task that has ended */
}

static void start(task_t *t, int id, int rounds) {
  *t = (task_t){.region = (fiber_region_t *)stacks[id], .id = id, .rounds = rounds};
  *t->region = (fiber_region_t){work, t, NULL, stacks[id] + STACK_BYTES};
  enqueue(t);
}

static int all(void *argument) {
  static task_t tasks[FIBERS];
  volatile int kept[4] = {1, 2, 3, (int)(intptr_t)argument};
  if ((uintptr_t)kept < (uintptr_t)stacks && sizeof(void *) == 4) { /* the C stack lies first: */
    main_region = (fiber_region_t *)(uintptr_t)(64 + 16 * kept[0]); /* its low end will do */
    *main_region = (fiber_region_t){.end = NULL};
  } else {
    main_region = (fiber_region_t *)main_frames;
    *main_region = (fiber_region_t){.end = main_frames + STACK_BYTES};
  }
  ended = switches = 0;
  for (int i = 0; i < FIBERS; i++) start(&tasks[i], i, 1 + i % 4);
  while (ended < FIBERS) pass();
  printf("main: %d of %d ended, kept %d %d %d %d\n", ended, FIBERS, kept[0], kept[1], kept[2], kept[3]);
  start(&tasks[3], 3, 2); /* a region is used again */
  while (ended < FIBERS + 1) pass();
  return switches;
}

int main(void) {
  printf("%d switches\n", fiber_wrap_with_fibers(all, (void *)4));
  printf("%d switches\n", fiber_wrap_with_fibers(all, (void *)5));
  return 0;
}
