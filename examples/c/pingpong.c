/* Ping-pong: two fibers hand control to each other, and nobody is in between. A switch
 * suspends the one that calls it and runs the other in its place, and what it brings is
 * what the other's own switch returns.
 *
 *   watfiber run examples/c/pingpong.wasm [ROUNDS]
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct player { const char *word; fiber_t fiber, opponent; };

static void *play(void *ball) {
  struct player *me = fiber_get_local(fiber_current());
  for (intptr_t left = (intptr_t)ball; left > 0;) {
    char line[32]; /* on the C stack of this fiber, while the other one runs */
    snprintf(line, sizeof line, "%s, %d to go", me->word, (int)left);
    puts(line);
    left = (intptr_t)fiber_switch(me->opponent, (void *)(left - 1));
  }
  return (void *)me->word; /* goes to main, who has resumed the first player */
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 6;
  struct player ping = {"ping", fiber_alloc(play), NULL}, pong = {"pong", fiber_alloc(play), NULL};
  ping.opponent = pong.fiber, pong.opponent = ping.fiber;
  fiber_set_local(ping.fiber, &ping), fiber_set_local(pong.fiber, &pong);
  const char *word = fiber_resume(ping.fiber, (void *)(intptr_t)rounds, NULL);
  printf("the last word has %s\n", word);
  fiber_free(ping.fiber), fiber_free(pong.fiber); /* one of them in the middle of its game */
  return 0;
}
