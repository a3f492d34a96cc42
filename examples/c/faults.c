/* What can go wrong with fibers, an exported function each, for a host that calls them
 * and looks what comes of it. `work` says whether the module is still good for anything. */
#include <fiber.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(#name)))
__attribute__((import_module("env"), import_name("back"))) extern void host_back(int what);
__attribute__((import_module("env"), import_name("wait"))) extern int host_wait(int what);

static fiber_t parked, held;
static fiber_chan_t chan;
static int cleaned;

static void *twice(void *value) { return (void *)(2 * (intptr_t)value); }
static void *forever(void *value) { for (;;) value = fiber_yield(value); }
static void *send(void *value) { return (void *)(intptr_t)fiber_chan_send(chan, value); }
static void *trap(void *value) { __builtin_trap(); return value; }
static void *resume_self(void *value) { (void)value; return fiber_resume_value(fiber_current(), NULL); }
static void *free_self(void *value) { fiber_free(fiber_current()); return value; }
static void *join_self(void *value) { (void)value; return fiber_join(fiber_current()); }
static void *call_back(void *what) { host_back((int)(intptr_t)what); return what; }
static void *wait_host(void *what) { return (void *)(intptr_t)host_wait((int)(intptr_t)what); }
static void *park(void *value) { (void)value; return fiber_park(); }
static void clean(void *value) { cleaned = 10 * cleaned + (int)(intptr_t)value; }
static void clean_badly(void *value) { (void)value; fiber_yield(NULL); }
static void *defers(void *value) {
  fiber_defer(clean, (void *)1), fiber_defer(clean, (void *)2);
  return fiber_yield(value);
}
static void *defers_badly(void *value) { fiber_defer(clean_badly, value); return value; }
static void *defers_nothing(void *value) { fiber_defer((void (*)(void *))(intptr_t)0x7fffffff, value); return value; }

static void *run(fiber_entry_point_t entry, intptr_t value) { return fiber_resume_value(fiber_alloc(entry), (void *)value); }

/* Sends 1 … n through a channel and returns their sum. */
static void *send_up_to(void *n) {
  for (intptr_t i = 1; i <= (intptr_t)n; i++) fiber_chan_send(chan, (void *)i);
  fiber_chan_close(chan);
  return NULL;
}
EXPORT(work) int work(int n) {
  int sum = 0;
  chan = fiber_chan_make(2);
  fiber_spawn(send_up_to, (void *)(intptr_t)n);
  for (void *got; fiber_chan_receive(chan, &got);) sum += (int)(intptr_t)got;
  fiber_chan_free(chan);
  return sum;
}

/* ---- mistakes of a program ---- */

EXPORT(resumes_itself) void resumes_itself(void) { run(resume_self, 0); }
EXPORT(frees_itself) void frees_itself(void) { run(free_self, 0); }
EXPORT(joins_itself) void joins_itself(void) { fiber_t f = fiber_alloc(join_self); fiber_start(f, NULL), fiber_run(); }
EXPORT(resumes_done) void resumes_done(void) {
  fiber_t f = fiber_alloc(twice);
  fiber_resume_value(f, NULL), fiber_resume_value(f, NULL);
}
EXPORT(resumes_freed) void resumes_freed(void) {
  fiber_t f = fiber_alloc(twice);
  fiber_free(f), fiber_resume_value(f, NULL);
}
EXPORT(resumes_nothing) void resumes_nothing(int address) { fiber_resume_value((fiber_t)(intptr_t)address, NULL); }
EXPORT(enters_nothing) void enters_nothing(void) { run((fiber_entry_point_t)(intptr_t)0x7fffffff, 0); }
EXPORT(enters_another_type) void enters_another_type(void) { run((fiber_entry_point_t)(intptr_t)clean, 0); }
EXPORT(traps_in_a_fiber) void traps_in_a_fiber(void) { run(trap, 0); }
EXPORT(main_yields) void main_yields(void) { fiber_yield(NULL); }
EXPORT(main_parks) void main_parks(void) { fiber_park(); }
static void *free_parked(void *value) { fiber_free(parked); return value; }
static void *join_parked(void *value) { (void)value; return fiber_join(parked); }
EXPORT(main_is_freed) void main_is_freed(void) { parked = fiber_current(), run(free_parked, 0); }
EXPORT(main_is_joined) void main_is_joined(void) { parked = fiber_current(), run(join_parked, 0); }
EXPORT(unparks_another) void unparks_another(void) { fiber_unpark(fiber_alloc(twice), NULL); }
EXPORT(frees_a_channel) void frees_a_channel(void) {
  chan = fiber_chan_make(0);
  fiber_spawn(send, NULL), fiber_run(), fiber_chan_free(chan);
}
EXPORT(cleans_badly) void cleans_badly(void) { run(defers_badly, 0); }
EXPORT(cleans_nothing) void cleans_nothing(void) { run(defers_nothing, 0); }

/* ---- stacks that are too small ---- */

/* A function that calls nothing does not move the stack pointer. */
static __attribute__((noinline)) int leaf(int n) {
  volatile char here[112];
  for (int i = 0; i < 112; i++) here[i] = (char)n;
  return here[n & 63];
}
static int dig(int depth) {
  volatile char here[64] = {(char)depth};
  if (depth == 0) here[2] = (char)leaf(depth), fiber_yield(NULL);
  else here[1] = (char)dig(depth - 1);
  return here[0] + here[1];
}
static void *digs(void *depth) { return (void *)(intptr_t)dig((int)(intptr_t)depth); }
/* The size of the region of a fiber, 0 if there is no memory. */
EXPORT(size_of) unsigned size_of(unsigned size) {
  fiber_t f = fiber_create(twice, size);
  unsigned bytes = f ? ((unsigned *)f)[5] - (unsigned)(uintptr_t)f : 0;
  if (f) fiber_free(f);
  return bytes;
}
static char *before;
/* Makes a fiber of 4096 bytes, with 4096 bytes of its own memory on both sides. */
EXPORT(fence) fiber_t fence(void) {
  before = malloc(4096);
  fiber_t f = fiber_create(digs, 4096);
  char *behind = malloc(4096);
  for (int i = 0; i < 4096; i++) before[i] = behind[i] = (char)i;
  return held = f;
}
EXPORT(dig_in) void dig_in(int depth) { fiber_resume_value(held, (void *)(intptr_t)depth); }
EXPORT(dig_in_main) int dig_in_main(int depth) {
  volatile char here[1024] = {(char)depth};
  if (depth == 0) { fiber_pass(); return leaf(1); }
  return dig_in_main(depth - 1) + here[1];
}

/* ---- regions ---- */

static _Alignas(16) char region_memory[3][2048];
static fiber_region_t *main_region = (fiber_region_t *)region_memory[0], *other = (fiber_region_t *)region_memory[1];
static void returns(void *value) { (void)value; }
static void calls_host(void *what) { host_back((int)(intptr_t)what), fiber_swapcontext(other, main_region); }
static void digs_in_region(void *depth) {
  volatile char here[64] = {0};
  if ((intptr_t)depth > 0) digs_in_region((char *)depth - 1), here[0]++;
  else fiber_swapcontext(other, main_region);
}
static void *never(void *value) { return fiber_yield(value); }
static int switch_once(void *value) {
  *main_region = (fiber_region_t){.end = region_memory[0] + 2048};
  other->argument = value, other->position = NULL, other->end = region_memory[1] + 2048;
  fiber_swapcontext(main_region, other);
  return (int)(intptr_t)value;
}
static int yield_there(void *value) { return (int)(intptr_t)never(value); }
EXPORT(swaps_alone) void swaps_alone(void) { fiber_swapcontext(main_region, other); }
EXPORT(region_returns) void region_returns(void) { other->entry = returns, fiber_wrap_with_fibers(switch_once, NULL); }
EXPORT(region_enters_nothing) void region_enters_nothing(void) {
  other->entry = (void (*)(void *))(intptr_t)twice, fiber_wrap_with_fibers(switch_once, NULL);
}
EXPORT(wraps_nothing) void wraps_nothing(void) { fiber_wrap_with_fibers((int (*)(void *))(intptr_t)0x7fffffff, NULL); }
EXPORT(wrapped_yields) void wrapped_yields(void) { fiber_wrap_with_fibers(yield_there, NULL); }
EXPORT(region_digs) int region_digs(int depth) {
  for (int i = 0; i < 2048; i++) region_memory[2][i] = (char)i;
  other->entry = digs_in_region;
  return fiber_wrap_with_fibers(switch_once, (void *)(intptr_t)depth);
}
EXPORT(region_calls_back) int region_calls_back(int what) {
  other->entry = calls_host;
  return fiber_wrap_with_fibers(switch_once, (void *)(intptr_t)what);
}

/* ---- fibers that are given up, told to end, or left alone ---- */

EXPORT(frees_suspended) int frees_suspended(void) {
  fiber_t f = fiber_alloc(defers);
  cleaned = 0;
  fiber_resume_value(f, NULL), fiber_free(f);
  return cleaned == 21 && fiber_alloc(twice) == f; /* the last one first; the memory is used again */
}
static int closed;
static void *count_closed(void *value) { closed += !fiber_chan_send(chan, value); return NULL; }
static void *count_empty(void *value) { closed += 10 * !fiber_chan_receive(chan, &value); return NULL; }
EXPORT(closes_a_channel) int closes_a_channel(int receivers) {
  closed = 0, chan = fiber_chan_make(0);
  for (int i = 0; i < 3; i++) fiber_spawn(receivers ? count_empty : count_closed, NULL);
  fiber_run(), fiber_chan_close(chan), fiber_run();
  return closed;
}
EXPORT(fills_memory) int fills_memory(void) { /* until create says that there is no more; then frees all */
  static fiber_t all[4096];
  int n = 0;
  while (n < 4096 && (all[n] = fiber_create(twice, 1 << 16))) n++;
  int good = n < 4096 && !fiber_spawn_sized(twice, NULL, 1 << 16);
  for (int i = 0; i < n; i++) fiber_free(all[i]);
  for (int i = 0; i < n; i++) good &= !!(all[i] = fiber_create(twice, 1 << 16)); /* the pool has as many */
  good &= !fiber_create(twice, 1 << 16);
  for (int i = 0; i < n; i++) fiber_free(all[i]);
  fiber_trim();
  return good;
}

/* ---- a host that calls back ---- */

/* A fiber, resumed by a main fiber, calls the host. */
EXPORT(calls_back) int calls_back(int what) { return (int)(intptr_t)run(call_back, what); }
/* A main fiber waits while a fiber calls the host, which may unpark it. */
EXPORT(parks_and_calls_back) int parks_and_calls_back(int what) {
  parked = fiber_current();
  fiber_spawn(call_back, (void *)(intptr_t)what);
  return (int)(intptr_t)fiber_park();
}
EXPORT(unpark) void unpark(int value) { fiber_unpark(parked, (void *)(intptr_t)value); }
EXPORT(pass) void pass(void) { fiber_pass(); }
EXPORT(switches_to_parked) void switches_to_parked(void) { fiber_switch(parked, NULL); }
static void *switch_back(void *what) { host_back((int)(intptr_t)what); return fiber_switch(parked, what); }
EXPORT(switches_away) int switches_away(int what) {
  parked = fiber_current();
  return (int)(intptr_t)fiber_switch(fiber_alloc(switch_back), (void *)(intptr_t)what);
}

/* ---- a host that suspends ---- */

EXPORT(waits) int waits(int what) { return (int)(intptr_t)run(wait_host, what); }
static fiber_t started;
/* The main fiber joins one that is parked, while another one waits for the host. */
EXPORT(joins_parked) int joins_parked(void) {
  started = fiber_alloc(park);
  fiber_start(started, NULL);
  fiber_spawn(wait_host, (void *)1);
  int got = (int)(intptr_t)fiber_join(started);
  fiber_free(started);
  return got;
}
EXPORT(unpark_started) void unpark_started(int value) { fiber_unpark(started, (void *)(intptr_t)value); }
static fiber_t canceller;
static void *parks_cancelled(void *value) { (void)value; fiber_park(); return (void *)(intptr_t)fiber_cancelled(); }
EXPORT(joins_cancelled) int joins_cancelled(void) {
  canceller = fiber_alloc(parks_cancelled);
  fiber_start(canceller, NULL);
  fiber_spawn(wait_host, (void *)1);
  return (int)(intptr_t)fiber_join(canceller);
}
EXPORT(cancel) void cancel(int reason) { fiber_cancel(canceller, reason); }
EXPORT(hold) void hold(void) { held = fiber_alloc(forever), fiber_resume_value(held, NULL); }
EXPORT(resume_held) int resume_held(int value) { return (int)(intptr_t)fiber_resume_value(held, (void *)(intptr_t)value); }
