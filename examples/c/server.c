/* A service without a main: its host calls the exports, thousands of them at a time.
 * Each call asks the host for what it needs, with an import that looks like any other
 * function, and waits there; meanwhile the module answers other calls.
 *
 *   watfiber build --suspend=env.fetch --export-stack examples/c/server.wasm -o server.fiber.wasm
 *
 * fiberlib/host/example_test.go is a host in Go. With -DFIBERS the service has fibers of
 * its own as well: see the second half. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(#name)))

/* Writes what the host has for a key into a buffer, and returns its length, or -1. */
__attribute__((import_module("env"), import_name("fetch")))
int fetch(const char *key, int key_length, char *out, int size);

/* Where the host puts its arguments and finds answers. */
EXPORT(take) void *take(int size) { return malloc(size); }
EXPORT(give) void give(void *p) { free(p); }

static int calls, waiting, most; /* what is common to all calls */

static int ask(const char *key, char *out, int size) {
  if (++waiting > most) most = waiting;
  int length = fetch(key, (int)strlen(key), out, size - 1);
  waiting--;
  if (length >= 0) out[length] = 0;
  return length;
}

/* Sums the bytes of what the host has for keys n, n-1, … 0. Every level of the recursion
 * has a buffer on the C stack that the host fills while the level is suspended. */
EXPORT(sum) int sum(int n) {
  char key[16], value[24];
  snprintf(key, sizeof key, "key-%d", n);
  int total = 0;
  int length = ask(key, value, sizeof value);
  for (int i = 0; i < length; i++) total += (unsigned char)value[i];
  return n == 0 ? total : total + sum(n - 1);
}

/* Fills a page in: where the template says {name}, comes what the host has for it. The
 * page is returned as a string that the host gives back with give. */
EXPORT(render) char *render(const char *template) {
  char page[512];
  int at = snprintf(page, sizeof page, "#%d ", ++calls);
  for (const char *p = template; *p && at < (int)sizeof page - 64; p++) {
    if (*p != '{') {
      page[at++] = *p;
      continue;
    }
    char key[32], value[32];
    int n = 0;
    while (*++p && *p != '}' && n < (int)sizeof key - 1) key[n++] = *p;
    key[n] = 0;
    if (ask(key, value, sizeof value) < 0) strcpy(value, "(nothing)");
    at += snprintf(page + at, sizeof page - at, "<b>%s</b>", value);
    if (!*p) break;
  }
  page[at] = 0;
  return strdup(page);
}

/* How many calls were waiting at the same time. */
EXPORT(most_waiting) int most_waiting(void) { return most; }

/* ---- ways to go wrong ---- */

EXPORT(fail_behind) int fail_behind(int n) {
  char value[24];
  int length = ask("key-1", value, sizeof value);
  if (n >= 0) __builtin_trap();
  return length;
}

/* Asks below n levels of recursion, each with a buffer on the C stack. */
EXPORT(deep) int deep(int n) {
  char room[32];
  memset(room, n, sizeof room);
  int below = n > 0 ? deep(n - 1) : ask("key-1", room, sizeof room);
  return below + (n > 0 && room[n % 32] != (char)n) + 1;
}

/* Makes the memory grow, which may move it, around a wait. */
EXPORT(grow) int grow(int n) {
  char value[24], key[16];
  snprintf(key, sizeof key, "key-%d", n);
  int length = ask(key, value, sizeof value);
  void *block = malloc(1 << 20);
  if (block == NULL) return -1;
  memset(block, n, 1 << 20);
  int second = ask(key, value, sizeof value);
  free(block);
  return length == second ? value[4] : -2;
}

#ifdef FIBERS
#include <fiber.h>

/* ---- calls that share fibers, channels and a mutex ---- */

struct job {
  int n;
  fiber_chan_t answer;
};

static fiber_chan_t jobs;
static fiber_mutex_t mutex = FIBER_MUTEX;
static int balance;

/* A worker takes jobs of any call, and asks the host for each. */
static void *work(void *unused) {
  (void)unused;
  struct job *j;
  while (fiber_chan_receive(jobs, &j)) fiber_chan_send(j->answer, (void *)(intptr_t)sum(j->n));
  return NULL;
}

EXPORT(start) void start(int workers) {
  jobs = fiber_chan_make(2);
  for (int i = 0; i < workers; i++) fiber_spawn_sized(work, NULL, 8192);
}

/* Ends the workers when they have done what there is. */
EXPORT(stop) void stop(void) { fiber_chan_close(jobs); }

/* Has the sum made by a worker. The job is on the C stack of this call. */
EXPORT(sum_by_worker) int sum_by_worker(int n) {
  struct job j = {n, fiber_chan_make(0)}, *p = &j;
  void *result = NULL;
  fiber_chan_send(jobs, p);
  fiber_chan_receive(j.answer, &result);
  fiber_chan_free(j.answer);
  return (int)(intptr_t)result;
}

/* A generator, whose fiber asks the host between two yields. */
static void *lengths(void *from) {
  for (int i = (int)(intptr_t)from;; i--) {
    char key[16], value[24];
    snprintf(key, sizeof key, "key-%d", i);
    fiber_yield((void *)(intptr_t)ask(key, value, sizeof value));
  }
}

EXPORT(sum_of_lengths) int sum_of_lengths(int n) {
  fiber_t f = fiber_create(lengths, 4096);
  int total = 0;
  for (int i = 0; i <= n; i++) total += (int)(intptr_t)fiber_resume(f, (void *)(intptr_t)n, NULL);
  fiber_free(f);
  return total;
}

/* Adds n under a mutex that is held while the host is asked: other calls wait for it. */
EXPORT(add) int add(int n) {
  char value[24];
  fiber_mutex_lock(&mutex);
  int before = balance;
  ask("key-1", value, sizeof value);
  balance = before + n;
  fiber_mutex_unlock(&mutex);
  return balance;
}

EXPORT(get_balance) int get_balance(void) { return balance; }

/* Waits in the module until another call says something. */
static fiber_cond_t said;
static int words;

EXPORT(listen) int listen(void) {
  fiber_mutex_lock(&mutex);
  fiber_cond_wait(&said, &mutex);
  int heard = words;
  fiber_mutex_unlock(&mutex);
  return heard;
}

EXPORT(say) void say(int word) {
  fiber_mutex_lock(&mutex);
  words = word;
  fiber_cond_broadcast(&said);
  fiber_mutex_unlock(&mutex);
}

EXPORT(nap) int nap(int milliseconds) {
  fiber_sleep_ns(milliseconds * 1000000ll);
  return milliseconds;
}

/* The same with the C library: with --redirect=wasi it makes this call wait only. */
EXPORT(nap_in_libc) int nap_in_libc(int milliseconds) {
  usleep((useconds_t)milliseconds * 1000);
  return milliseconds;
}
#endif
