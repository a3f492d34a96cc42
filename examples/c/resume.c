/* Fibers with fiber.h: generators over a tree, a sieve in which every prime is a
 * fiber, tasks in a ring that switch to each other, and a tree of fibers whose leaves
 * are added up.
 *
 *   watfiber run examples/c/resume.wasm [LEAVES]
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- are two trees of different shapes equal, leaf by leaf? ---- */

struct node { struct node *left, *right; int leaf; };

static struct node *leaf(int n) {
  struct node *t = calloc(1, sizeof *t);
  t->leaf = n;
  return t;
}

static struct node *join(struct node *left, struct node *right) {
  struct node *t = calloc(1, sizeof *t);
  t->left = left, t->right = right;
  return t;
}

static void walk(struct node *t) {
  if (t->left == NULL) {
    fiber_yield(&t->leaf);
    return;
  }
  walk(t->left), walk(t->right);
}

static void *leaves(void *tree) {
  walk(tree);
  return NULL;
}

static int same_leaves(struct node *s, struct node *t) {
  fiber_t a = fiber_alloc(leaves), b = fiber_alloc(leaves);
  int *p, *q;
  do {
    p = fiber_resume(a, s, NULL), q = fiber_resume(b, t, NULL);
  } while (p != NULL && q != NULL && *p == *q);
  fiber_free(a), fiber_free(b); /* perhaps in the middle of their walks */
  return p == q;
}

static void trees(void) {
  struct node *lean = leaf(1), *right = leaf(6);
  for (int i = 2; i <= 6; i++) lean = join(lean, leaf(i));
  for (int i = 5; i >= 1; i--) right = join(leaf(i), right);
  printf("same leaves: %s\n", same_leaves(lean, right) ? "yes" : "no");
  printf("one more: %s\n", same_leaves(join(lean, leaf(7)), join(right, leaf(8))) ? "yes" : "no");
}

/* ---- a sieve ---- */

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

static void sieve(int primes) {
  fiber_t *fibers = calloc(primes + 1, sizeof *fibers);
  fibers[0] = fiber_sized_alloc(2048, numbers);
  intptr_t prime = 0;
  struct filter f;
  for (int i = 0; i < primes; i++) {
    prime = (intptr_t)fiber_resume(fibers[i], i == 0 ? (void *)2 : &f, NULL);
    f = (struct filter){fibers[i], prime};
    fibers[i + 1] = fiber_sized_alloc(2048, filter);
  }
  printf("prime number %d is %d\n", primes, (int)prime);
  for (int i = 0; i <= primes; i++) fiber_free(fibers[i]);
  free(fibers);
}

/* ---- a ring: each switches to the next, nobody resumes anybody ---- */

enum { TASKS = 3, ROUNDS = 3 };
static fiber_t ring[TASKS];

static void *task(void *argument) {
  int me = (int)(intptr_t)argument;
  char line[16]; /* on the C stack while others run */
  for (int round = 1; round <= ROUNDS; round++) {
    snprintf(line, sizeof line, " %c%d", 'a' + me, round);
    int next = (me + 1) % TASKS;
    if (me < TASKS - 1 || round < ROUNDS) fiber_switch(ring[next], (void *)(intptr_t)next);
    printf("%s", line);
  }
  return NULL;
}

static void take_turns(void) {
  for (int i = 0; i < TASKS; i++) ring[i] = fiber_alloc(task);
  fiber_resume(ring[0], (void *)0, NULL);
  puts(" ring");
  for (int i = 0; i < TASKS; i++) fiber_free(ring[i]);
}

/* ---- ten fibers that have ten fibers each, and so on; the leaves are numbered ---- */

struct range { int from, count; };

static void *add_up(void *argument) {
  struct range r = *(struct range *)argument;
  if (r.count == 1) return (void *)(intptr_t)r.from;
  intptr_t sum = 0;
  for (int i = 0; i < 10; i++) {
    struct range part = {r.from + i * (r.count / 10), r.count / 10};
    fiber_t f = fiber_sized_alloc(2048, add_up);
    sum += (intptr_t)fiber_resume(f, &part, NULL);
    fiber_free(f);
  }
  return (void *)sum;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 10000;
  trees();
  sieve(200);
  take_turns();
  struct range all = {0, count};
  fiber_t f = fiber_alloc(add_up);
  printf("%d leaves add up to %u\n", count, (unsigned)(uintptr_t)fiber_resume(f, &all, NULL));
  fiber_free(f);
  return 0;
}
