/* Fibers that do what a script says, one for each argument, and print what comes of it:
 *
 *   s03  send 3 to channel 0      r0   receive from channel 0    c0  close it
 *   l01  receive from channel 0 or send to 1, whichever can go ahead; t01 does not wait
 *   w012 receive from 0 or send to 1, wait for 2 ms at most       z3   sleep for 3 ms
 *   p    let the others run       m    lock a mutex, let the others run, unlock it
 *   q    park    u2  unpark fiber 2 if it is parked    k2  cancel fiber 2
 *   g    wait until a group is done    e  defer a line
 *   n    a new fiber does the rest, and is resumed until it is done    y  yields to who resumes it
 *   h    the host suspends the program
 */
#include "../c/host.h"
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static fiber_chan_t channels[4];
static fiber_mutex_t mutex = FIBER_MUTEX;
static fiber_group_t group;
static char **scripts;
static fiber_t fibers[10]; /* NULL: it has ended */

static void say(void *text) { printf("%s\n", (char *)text); }

struct part { int me, level; const char *from; };

static void *follow_part(void *part);

/* Lets another fiber follow the rest of a script. */
static void delegate(struct part part) {
  fiber_t self = fiber_current(), f = fiber_alloc(follow_part);
  fibers[part.me] = f;
  while (fiber_status(f) != FIBER_DONE) {
    int got = (int)(intptr_t)fiber_resume(f, &part, NULL);
    host_yield(got); /* the host may suspend a resumer, too */
    printf("%d at level %d gets %d\n", part.me, part.level - 1, got);
  }
  fiber_free(f);
  fibers[part.me] = self;
}

static void *follow_part(void *argument) {
  struct part part = *(struct part *)argument;
  int me = part.me;
  const char *s = part.from;
  while (*s) {
    void *value = NULL;
    int a = s[0] && s[1] ? s[1] - '0' : 0, result = 0, length = 2;
    fiber_case_t cases[2] = {{.chan = channels[a & 3]}, {.send = 1, .value = (void *)(intptr_t)(me + 10)}};
    switch (*s) {
    case 's': result = fiber_chan_send(channels[a], (void *)(intptr_t)(s[2] - '0')), length = 3; break;
    case 'r': result = fiber_chan_receive(channels[a], &value); break;
    case 'c': fiber_chan_close(channels[a]); break;
    case 'l':
    case 't':
      cases[1].chan = channels[s[2] - '0'];
      result = fiber_select(cases, 2, *s == 'l'), length = 3;
      if (result >= 0) value = cases[result].value, result += 10 * cases[result].ok;
      break;
    case 'w':
      cases[1].chan = channels[s[2] - '0'];
      result = fiber_select_timeout(cases, 2, (s[3] - '0') * 1000000LL), length = 4;
      if (result >= 0) value = cases[result].value, result += 10 * cases[result].ok;
      break;
    case 'z': fiber_sleep_ns(a * 1000000LL); break;
    case 'q': value = fiber_park(), length = 1; break;
    case 'u':
      if (fibers[a] && fiber_is_parked(fibers[a])) fiber_unpark(fibers[a], (void *)(intptr_t)me), result = 1;
      break;
    case 'k':
      if (fibers[a]) fiber_cancel(fibers[a], me + 100), result = 1;
      break;
    case 'n': delegate((struct part){me, part.level + 1, s + 1}), length = strlen(s); break;
    case 'y':
      if (part.level > 0) value = fiber_yield((void *)(intptr_t)part.level), result = value != NULL, value = NULL;
      length = 1;
      break;
    case 'h': host_yield(me), length = 1; break;
    case 'g': fiber_group_wait(&group), length = 1; break;
    case 'e': result = fiber_defer(say, (void *)s), length = 1; break;
    case 'p': fiber_pass(), length = 1; break;
    case 'm': fiber_mutex_lock(&mutex), fiber_pass(), fiber_mutex_unlock(&mutex), length = 1; break;
    }
    printf("%d %.*s: %d %d, cancelled %d\n", me, length, s, result, (int)(intptr_t)value, fiber_cancelled());
    s += length;
  }
  return (void *)(intptr_t)(part.level + 100);
}

static void *follow(void *argument) {
  int me = (int)(intptr_t)argument;
  struct part part = {me, 0, scripts[me]};
  follow_part(&part);
  printf("%d ends\n", me);
  fibers[me] = NULL;
  if (me % 2) fiber_group_done(&group);
  return NULL;
}

int main(int argc, char **argv) {
  for (int i = 0; i < 4; i++) channels[i] = fiber_chan_make(i % 3);
  scripts = argv;
  for (int i = 1; i < argc && i < 10; i++) {
    if (i % 2) fiber_group_add(&group, 1);
    fibers[i] = fiber_spawn(follow, (void *)(intptr_t)i);
  }
  fiber_run();
  for (int i = 0; i < 4; i++) printf("channel %d has %d\n", i, (int)fiber_chan_len(channels[i]));
  return 0;
}
