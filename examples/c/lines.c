/* A server on standard input and output: each line is a request that a fiber of its own
 * answers, while the next ones are read; the answers come in the order of the requests.
 *
 *   watfiber run --redirect=wasi examples/c/lines.wasm < examples/c/lines.input
 *
 *   upper TEXT   reverse TEXT   sum N N …   sleep MILLISECONDS TEXT
 */
#include <ctype.h>
#include <fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 256, AHEAD = 32 };

static fiber_chan_t requests; /* the fibers that answer them, in order */

/* Answers a request, in its place. */
static void *answer(void *request) {
  char *line = request, *text = strchr(line, ' '), *end;
  text = text ? text + 1 : line + strlen(line);
  if (!strncmp(line, "upper ", 6)) {
    for (char *c = text; *c; c++) *c = toupper((unsigned char)*c);
  } else if (!strncmp(line, "reverse ", 8)) {
    for (size_t i = 0, n = strlen(text); i < n / 2; i++) {
      char c = text[i];
      text[i] = text[n - 1 - i], text[n - 1 - i] = c;
    }
  } else if (!strncmp(line, "sum ", 4)) {
    long sum = 0;
    for (char *c = text; *c; c = end) {
      sum += strtol(c, &end, 10);
      if (end == c) break;
    }
    sprintf(line, "%ld", sum);
    return line;
  } else if (!strncmp(line, "sleep ", 6)) {
    usleep(strtol(text, &end, 10) * 1000);
    text = *end ? end + 1 : end;
  } else {
    text = "what?";
  }
  memmove(line, text, strlen(text) + 1);
  return line;
}

/* Reads requests up to the end of the input. */
static void *reader(void *unused) {
  static char buffer[LINE];
  size_t have = 0;
  ssize_t n;
  while ((n = read(0, buffer + have, sizeof buffer - 1 - have)) > 0) {
    have += n;
    for (char *end; (end = memchr(buffer, '\n', have)) || have == sizeof buffer - 1;) {
      if (!end) end = buffer + have - 1; /* a line that is too long */
      *end = 0;
      fiber_t f = fiber_sized_alloc(16384, answer);
      fiber_start(f, strdup(buffer));
      fiber_chan_send(requests, f);
      have -= end + 1 - buffer;
      memmove(buffer, end + 1, have);
    }
  }
  fiber_chan_close(requests);
  return unused;
}

int main(void) {
  void *f;
  requests = fiber_chan_make(AHEAD);
  fiber_spawn(reader, NULL);
  for (int i = 1; fiber_chan_receive(requests, &f); i++) {
    char *text = fiber_join(f), line[LINE + 16];
    int n = snprintf(line, sizeof line, "%d: %s\n", i, text);
    if (write(1, line, n) != n) return 1;
    fiber_free(f);
    free(text);
  }
  return 0;
}
