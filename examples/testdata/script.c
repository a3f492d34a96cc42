/* Fibers that do what a script says, one for each argument, and print what comes of it:
 *
 *   s03  send 3 to channel 0      r0   receive from channel 0    c0  close it
 *   l01  receive from channel 0 or send to 1, whichever can go ahead; t01 does not wait
 *   w012 receive from 0 or send to 1, wait for 2 ms at most       z3   sleep for 3 ms
 *   p    let the others run       m    lock a mutex, let the others run, unlock it
 *   q    park    u2  unpark fiber 2 if it is parked    k2  cancel fiber 2
 *   g    wait until a group is done    e  defer a line
 */
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

static void *follow(void *argument) {
  int me = (int)(intptr_t)argument;
  const char *s = scripts[me];
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
    case 'g': fiber_group_wait(&group), length = 1; break;
    case 'e': result = fiber_defer(say, (void *)s), length = 1; break;
    case 'p': fiber_pass(), length = 1; break;
    case 'm': fiber_mutex_lock(&mutex), fiber_pass(), fiber_mutex_unlock(&mutex), length = 1; break;
    }
    printf("%d %.*s: %d %d, cancelled %d\n", me, length, s, result, (int)(intptr_t)value, fiber_cancelled());
    s += length;
  }
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
