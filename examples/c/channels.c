/* Fibers that talk over channels: a producer and two consumers, a pipeline, a choice
 * between channels, a sieve, and fibers whose results are joined.
 *
 *   watfiber run examples/c/channels.wasm [PRIMES]
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INT(p) ((int)(intptr_t)(p))
#define PTR(i) ((void *)(intptr_t)(i))

/* ---- a producer and two consumers ---- */

static void *produce(void *chan) {
  for (int i = 1; i <= 6; i++) {
    printf("made %d\n", i);
    fiber_chan_send(chan, PTR(i));
  }
  fiber_chan_close(chan);
  return NULL;
}

static void *consume(void *chan) {
  int sum = 0;
  void *value;
  while (fiber_chan_receive(chan, &value)) {
    printf("     used %d\n", INT(value));
    sum += INT(value);
  }
  return PTR(sum);
}

static void share(int capacity) {
  fiber_chan_t chan = fiber_chan_make(capacity);
  fiber_t a = fiber_alloc(consume), b = fiber_alloc(consume);
  fiber_start(a, chan), fiber_start(b, chan);
  fiber_spawn(produce, chan);
  int first = INT(fiber_join(a)), second = INT(fiber_join(b));
  printf("capacity %d: %d and %d\n", capacity, first, second);
  fiber_free(a), fiber_free(b), fiber_chan_free(chan);
}

/* ---- numbers from one channel, words from another, and an end ---- */

struct sources { fiber_chan_t numbers, words, end; };

static void *count(void *argument) {
  struct sources *s = argument;
  for (int i = 1; i <= 3; i++) fiber_chan_send(s->numbers, PTR(i * i));
  fiber_chan_send(s->end, NULL);
  return NULL;
}

static void *talk(void *argument) {
  struct sources *s = argument;
  static char *words[] = {"one", "four", "nine", "sixteen"};
  for (int i = 0; i < 4; i++)
    if (!fiber_chan_send(s->words, words[i])) printf("nobody wants %s\n", words[i]);
  return NULL;
}

static void choose(void) {
  struct sources s = {fiber_chan_make(0), fiber_chan_make(2), fiber_chan_make(0)};
  fiber_spawn(count, &s), fiber_spawn(talk, &s);
  fiber_case_t cases[] = {{.chan = s.numbers}, {.chan = s.words}, {.chan = s.end}};
  printf("nothing yet: %d\n", fiber_select(cases, 3, 0));
  for (int ended = 0; !ended;) {
    switch (fiber_select(cases, 3, 1)) {
    case 0: printf("number %d\n", INT(cases[0].value)); break;
    case 1: printf("word %s\n", (char *)cases[1].value); break;
    case 2: ended = 1;
    }
  }
  fiber_chan_close(s.words);
  fiber_run();
  fiber_chan_free(s.numbers), fiber_chan_free(s.words), fiber_chan_free(s.end);
}

/* ---- a sieve: each prime is a fiber with a channel before and one behind it ---- */

struct filter { fiber_chan_t in, out; int prime; };

static void *numbers(void *chan) {
  for (int n = 2; fiber_chan_send(chan, PTR(n)); n++) {}
  return NULL;
}

static void *filter(void *argument) {
  struct filter f = *(struct filter *)argument;
  free(argument);
  void *n;
  while (fiber_chan_receive(f.in, &n))
    if (INT(n) % f.prime != 0 && !fiber_chan_send(f.out, n)) break;
  fiber_chan_close(f.in); /* whoever sends here can stop, too */
  return NULL;
}

static void sieve(int primes) {
  fiber_chan_t chan = fiber_chan_make(0);
  fiber_spawn_sized(numbers, chan, 2048);
  void *prime = NULL;
  for (int i = 0; i < primes; i++) {
    fiber_chan_receive(chan, &prime);
    struct filter *f = malloc(sizeof *f);
    *f = (struct filter){chan, fiber_chan_make(0), INT(prime)};
    chan = f->out;
    fiber_spawn_sized(filter, f, 2048);
  }
  printf("prime number %d is %d\n", primes, INT(prime));
  fiber_chan_close(chan);
  fiber_run(); /* until all have seen that */
}

/* ---- two fibers that take turns, and one that waits for a word ---- */

static void *steps(void *name) {
  for (int i = 1; i <= 3; i++) printf(" %s%d", (char *)name, i), fiber_pass();
  return NULL;
}

static void *sleeper(void *unused) {
  (void)unused;
  printf(" woken by %s\n", (char *)fiber_park());
  return NULL;
}

static void turns(void) {
  fiber_spawn(steps, "a"), fiber_spawn(steps, "b");
  fiber_t f = fiber_spawn(sleeper, NULL);
  fiber_run();
  fiber_unpark(f, "main");
  fiber_run();
}

int main(int argc, char **argv) {
  share(0), share(3);
  choose();
  sieve(argc > 1 ? atoi(argv[1]) : 100);
  turns();
  return 0;
}
