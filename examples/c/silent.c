/* A fiber that reads from a silent standard input does not stop the others. All calls are
 * those of the C library:
 *
 *   (sleep 1; echo hello; sleep 1; echo world) | watfiber run --redirect=wasi examples/c/silent.wasm
 *
 * With an argument, another fiber is busy until something has been read.
 */
#include <errno.h>
#include <fiber.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static fiber_group_t all;
static fiber_t waits; /* for what never comes */
static int bytes;

static void begin(fiber_entry_point_t entry, intptr_t value) {
  fiber_group_add(&all, 1);
  fiber_spawn(entry, (void *)value);
}

static void say(const char *what) {
  printf("%s\n", what);
  fflush(stdout);
}

/* Reads up to the end, which is when the others have long been done. */
static void *reader(void *unused) {
  char line[100];
  ssize_t n;
  while ((n = read(0, line, sizeof line - 1)) > 0) {
    line[n - (line[n - 1] == '\n')] = 0;
    bytes += n;
    printf("read: %s\n", line);
    fflush(stdout);
  }
  say(n == 0 ? "read: the end" : "read: an error");
  fiber_group_done(&all);
  return unused;
}

/* Polls the same input, but has no patience. */
static void *poller(void *milliseconds) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  int n = poll(&in, 1, (int)(intptr_t)milliseconds);
  say(n == 0 ? "poll: nothing to read" : n == 1 && in.revents & POLLIN ? "poll: something to read" : "poll: an error");
  fiber_group_done(&all);
  return NULL;
}

/* Never waits, but lets others run. */
static void *busy(void *unused) {
  long long turns = 0;
  for (; !bytes; turns++) fiber_pass();
  if (turns) say("busy: no more");
  fiber_group_done(&all);
  return unused;
}

static void *ticker(void *unused) {
  for (int i = 1; i <= 3; i++) {
    usleep(200000);
    printf("tick %d\n", i);
    fflush(stdout);
  }
  fiber_group_done(&all);
  return unused;
}

/* Somebody who is cancelled while he waits finds out why. */
static void *patient(void *unused) {
  int n = fiber_wait_fd(0, FIBER_READ, -1);
  printf("wait: %s\n", n == -ECANCELED ? "cancelled" : "not cancelled");
  n = usleep(10000000);
  printf("sleep: %s\n", n < 0 ? "cancelled" : "not cancelled"); /* errno is ENOTSUP, whatever has happened */
  fflush(stdout);
  return unused;
}

/* Cancels both waits, and lets the others begin. */
static void *canceller(void *unused) {
  for (int i = 0; i < 2; i++) {
    usleep(10000);
    fiber_cancel(waits, 1);
  }
  fiber_join(waits);
  begin(ticker, 0);
  begin(poller, 300);
  fiber_group_done(&all);
  return unused;
}

int main(int argc, char **argv) {
  begin(reader, 0);
  fiber_start(waits = fiber_alloc(patient), NULL);
  begin(canceller, 0);
  if (argc > 1 && !strcmp(argv[1], "busy")) begin(busy, 0);
  fiber_group_wait(&all);
  fiber_free(waits);
  printf("%d bytes\n", bytes);
  return 0;
}
