/* Fibers in plain C, with a runtime of fifty lines on the four imports of module
 * asyncify, which watfiber (or wasm-opt --asyncify) turns into code:
 *
 *   watfiber run examples/c/fibers.wasm
 *
 * A native build has the same fibers from ucontext.h, and prints the same. */
#include <stdio.h>
#include <stdlib.h>
#ifndef __wasm__
#include <ucontext.h>
#endif
#define STACK_BYTES (64 * 1024)

struct fiber {
  void (*entry)(void *argument);
  void *argument;
  struct fiber *resumer; /* who gets control when this one yields or ends */
  int value;             /* what it has yielded */
#ifdef __wasm__
  /* frames is the data block of the ABI: where the next frame goes, and the end.
   * The memory of a fiber serves two stacks, from both ends: frames grow up from
   * low; the C stack, for locals with an address, grows down from its top to sp. */
  struct { char *position, *end; } frames;
  char *low, *sp;
#else
  ucontext_t context;
#endif
};

static struct fiber main_fiber, *current = &main_fiber;
static void enter(void); /* the first frame of every fiber */

#ifdef __wasm__
#define ASYNCIFY(name) __attribute__((import_module("asyncify"), import_name(#name))) void name
ASYNCIFY(start_unwind)(void *data);
ASYNCIFY(stop_unwind)(void);
ASYNCIFY(start_rewind)(void *data);
ASYNCIFY(stop_rewind)(void);

/* The pointer of the C stack is a global of the module, not of C. Always inlined:
 * the frame of a call would move it. */
__attribute__((always_inline)) static char *get_sp(void) {
  char *sp;
  __asm__ volatile(".globaltype __stack_pointer, i32\nglobal.get __stack_pointer\nlocal.set %0" : "=r"(sp) : : "memory");
  return sp;
}

__attribute__((always_inline)) static void set_sp(char *sp) {
  __asm__ volatile(".globaltype __stack_pointer, i32\nlocal.get %0\nglobal.set __stack_pointer" : : "r"(sp) : "memory");
}

/* Bytes between the two stacks of a fiber that is not running. The loop in
 * run_fibers lives there, and so does the frame of switch_to. */
#define MARGIN_BYTES 1024

static char main_frames[STACK_BYTES]; /* the main fiber has its C stack from the linker */
static enum { RUNNING, UNWINDING, REWINDING } state;
static struct fiber *target;

/* Suspends the current fiber and goes on with the next one. It is called twice for
 * each switch: at the end of the rewind once more, with any argument. A function
 * that calls start_unwind or stop_rewind is not instrumented; so it must not be
 * inlined into one that has to be. */
__attribute__((noinline)) static void switch_to(struct fiber *next) {
  if (state == REWINDING) {
    state = RUNNING;
    stop_rewind();
    return;
  }
  struct fiber *f = current;
  f->frames.position = f == &main_fiber ? main_frames : f->low;
  f->frames.end = f == &main_fiber ? main_frames + sizeof main_frames : get_sp() - MARGIN_BYTES;
  target = next, state = UNWINDING;
  start_unwind(&f->frames);
}

/* Where every unwind ends and every rewind begins. Returns when the main fiber does. */
__attribute__((noinline)) static void run_fibers(void) {
  for (;;) {
    enter();
    if (state != UNWINDING) return;
    stop_unwind(); /* traps if the frames did not fit */
    current->sp = get_sp(); /* here, where switch_to has popped its own frame */
    current = target;
    state = current->frames.position == NULL ? RUNNING : REWINDING; /* NULL: has not run yet */
    if (state == REWINDING) start_rewind(&current->frames);
    set_sp(current->sp); /* and never back to this loop's own: main's frames lie there */
  }
}

static void prepare_stack(struct fiber *f, char *memory) { f->low = memory, f->sp = memory + STACK_BYTES; }
#else
static void switch_to(struct fiber *next) {
  struct fiber *from = current;
  current = next;
  swapcontext(&from->context, &next->context);
}

static void run_fibers(void) { enter(); }
static void prepare_stack(struct fiber *f, char *memory) {
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = memory;
  f->context.uc_stack.ss_size = STACK_BYTES;
  makecontext(&f->context, enter, 0);
}
#endif

/* Not to be inlined into run_fibers: this function is instrumented, that one is not. */
__attribute__((noinline)) static void enter(void) {
  current->entry(current->argument);
  if (current == &main_fiber) return;
  switch_to(current->resumer);
  abort(); /* nobody switches to a fiber that is done */
}

static struct fiber *new_fiber(void (*entry)(void *), void *argument) {
  struct fiber *f = calloc(1, sizeof *f);
  char *memory = malloc(STACK_BYTES);
  if (f == NULL || memory == NULL) abort();
  f->entry = entry, f->argument = argument;
  prepare_stack(f, memory);
  return f;
}

/* Runs a fiber until it yields or ends, and returns what it has yielded last. */
static int resume(struct fiber *f) {
  f->resumer = current;
  switch_to(f);
  return f->value;
}

/* Suspends the current fiber until somebody resumes it. */
static void yield(int value) {
  current->value = value;
  switch_to(current->resumer);
}

/* ---- ping-pong: two fibers that switch to each other ---- */

struct player { const char *word; struct fiber *opponent; };

static void play(void *argument) {
  struct player *me = argument;
  for (int i = 1; i <= 3; i++) {
    char line[32]; /* on the C stack of this fiber, while the other one runs */
    snprintf(line, sizeof line, "%s %d is back", me->word, i);
    printf("%s %d\n", me->word, i);
    switch_to(me->opponent);
    puts(line);
  }
}

static void ping_pong(void) {
  struct player ping = {"ping", NULL}, pong = {"  pong", NULL};
  struct fiber *a = new_fiber(play, &ping), *b = new_fiber(play, &pong);
  ping.opponent = b, pong.opponent = a;
  resume(a); /* ends first, and comes back here */
  resume(b);
}

/* ---- a sieve: each prime is a fiber that lets through what it does not divide ---- */

struct filter { struct fiber *source; int prime; };

static void count(void *unused) {
  (void)unused;
  for (int n = 2;; n++) yield(n);
}

static void filter(void *argument) {
  struct filter *f = argument;
  for (;;) {
    int n = resume(f->source);
    if (n % f->prime != 0) yield(n);
  }
}

static void sieve(void) {
  enum { PRIMES = 20 };
  struct filter filters[PRIMES];
  struct fiber *source = new_fiber(count, NULL);
  for (int i = 0; i < PRIMES; i++) {
    int prime = resume(source);
    printf(i == 0 ? "primes: %d" : " %d", prime);
    filters[i] = (struct filter){source, prime};
    source = new_fiber(filter, &filters[i]);
  }
  puts("");
}

static void program(void *unused) {
  (void)unused;
  ping_pong(), sieve();
}

int main(void) {
  main_fiber.entry = program;
  run_fibers();
}
