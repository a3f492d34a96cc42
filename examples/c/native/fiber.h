/* What programs here use of fiberlib/include/fiber.h, for native builds: their output
 * is what the builds for WebAssembly have to print. */
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

typedef void *(*fiber_entry_point_t)(void *);
typedef enum {
  FIBER_NEW, FIBER_SUSPENDED, FIBER_RUNNING, FIBER_RESUMING, FIBER_DONE, FIBER_READY, FIBER_WAITING
} fiber_status_t;
typedef enum { FIBER_OK, FIBER_YIELD, FIBER_ERROR } fiber_result_t;
typedef struct fiber_deferred { struct fiber_deferred *next; void (*function)(void *); void *value; } fiber_deferred_t;
typedef struct fiber {
  ucontext_t context;
  fiber_entry_point_t entry;
  fiber_status_t status;
  struct fiber *resumer, *next, *joiner, *joins, **line, *next_sleeper;
  int detached, parked, cancelled, asleep;
  long long deadline;
  struct fiber_deferred *deferred;
  void *value, *local;
  char *stack;
} *fiber_t;

enum { NATIVE_STACK_BYTES = 64 * 1024 };
static struct fiber native_main = {.status = FIBER_RUNNING}, *native_running = &native_main, *native_pool;

/* Those that are ready, in order; idle runs when there are none. */
static struct fiber *native_first, *native_last, *native_idle;

static inline void native_clean_up(fiber_t f) {
  while (f->deferred) {
    struct fiber_deferred *d = f->deferred;
    f->deferred = d->next;
    d->function(d->value);
    free(d);
  }
}

/* Those that sleep, by deadline. Time passes only when nobody is ready. */
static struct fiber *native_sleepers;
static long long native_time;
static inline int native_stop_waiting(fiber_t f);

static inline void native_sleep(long long nanoseconds) {
  fiber_t *p = &native_sleepers, f = native_running;
  f->asleep = 1, f->deadline = native_time + nanoseconds;
  while (*p && (*p)->deadline <= f->deadline) p = &(*p)->next_sleeper;
  f->next_sleeper = *p, *p = f;
}

static inline void native_wake(fiber_t f, void *value) {
  if (f->asleep) {
    fiber_t *p = &native_sleepers;
    while (*p != f) p = &(*p)->next_sleeper;
    *p = f->next_sleeper, f->asleep = 0;
  }
  f->joins = NULL, f->line = NULL, f->parked = 0;
  f->status = FIBER_READY, f->value = value, f->next = NULL;
  if (native_first) native_last->next = f;
  else native_first = f;
  native_last = f;
}

static inline fiber_t native_next(void) {
  if (!native_first && native_sleepers) native_time = native_sleepers->deadline;
  while (!native_first && native_sleepers)
    while (native_sleepers && native_sleepers->deadline <= native_time) {
      native_stop_waiting(native_sleepers);
      native_wake(native_sleepers, (void *)-1);
    }
  fiber_t f = native_first;
  if (f) native_first = f->next;
  else if ((f = native_idle)) native_idle = NULL;
  else abort(); /* a deadlock */
  return f;
}

static void native_enter(void) {
  fiber_t f = native_running, to;
  void *result = f->entry(f->value);
  native_clean_up(f);
  to = f->resumer;
  f->status = FIBER_DONE, f->value = result;
  if (to) to->value = result;
  else {
    if (f->joiner) native_wake(f->joiner, result);
    if (f->detached) f->next = native_pool, native_pool = f;
    to = native_next();
  }
  native_running = to, to->status = FIBER_RUNNING;
  setcontext(&to->context);
}

static inline fiber_t fiber_create(fiber_entry_point_t entry, size_t size) {
  (void)size;
  fiber_t f = native_pool;
  if (f) native_pool = f->next;
  else f = calloc(1, sizeof *f), f->stack = malloc(NATIVE_STACK_BYTES);
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = f->stack, f->context.uc_stack.ss_size = NATIVE_STACK_BYTES;
  f->entry = entry, f->status = FIBER_NEW, f->resumer = f->joiner = f->joins = NULL, f->line = NULL;
  f->detached = f->parked = f->cancelled = 0, f->deferred = NULL, f->local = NULL;
  makecontext(&f->context, native_enter, 0);
  return f;
}

static inline fiber_t fiber_alloc(fiber_entry_point_t entry) { return fiber_create(entry, 0); }
static inline fiber_t fiber_sized_alloc(size_t size, fiber_entry_point_t entry) { return fiber_create(entry, size); }
static inline void fiber_free(fiber_t f) { native_clean_up(f), f->next = native_pool, native_pool = f; }
static inline fiber_status_t fiber_status(fiber_t f) { return f->status; }
static inline fiber_t fiber_current(void) { return native_running; }
static inline void *fiber_get_local(fiber_t f) { return f->local; }
static inline void fiber_set_local(fiber_t f, void *value) { f->local = value; }

static inline void *native_switch(fiber_t to, void *value) {
  fiber_t from = native_running;
  to->value = value, to->status = FIBER_RUNNING, native_running = to;
  swapcontext(&from->context, &to->context);
  return from->value;
}

static inline void *fiber_switch(fiber_t to, void *value) {
  to->resumer = native_running->resumer, native_running->status = FIBER_SUSPENDED;
  return native_switch(to, value);
}

static inline void *fiber_yield(void *value) {
  native_running->status = FIBER_SUSPENDED;
  return native_switch(native_running->resumer, value);
}

static inline void *fiber_resume(fiber_t f, void *value, fiber_result_t *result) {
  if (f->status > FIBER_SUSPENDED) {
    if (result) *result = FIBER_ERROR;
    return NULL;
  }
  f->resumer = native_running, native_running->status = FIBER_RESUMING;
  void *got = native_switch(f, value);
  if (result) *result = f->status == FIBER_DONE ? FIBER_OK : FIBER_YIELD;
  return got;
}

/* ---- the scheduler ---- */

static inline void *native_go(fiber_t to) { /* which has its value already */
  fiber_t from = native_running;
  to->status = FIBER_RUNNING, native_running = to;
  if (to != from) swapcontext(&from->context, &to->context);
  return from->value;
}

static inline void *native_wait(void) {
  native_running->status = FIBER_WAITING;
  return native_go(native_next());
}

static inline void fiber_start(fiber_t f, void *value) { native_wake(f, value); }

static inline fiber_t fiber_spawn_sized(fiber_entry_point_t entry, void *value, size_t size) {
  fiber_t f = fiber_create(entry, size);
  f->detached = 1;
  native_wake(f, value);
  return f;
}

static inline fiber_t fiber_spawn(fiber_entry_point_t entry, void *value) { return fiber_spawn_sized(entry, value, 0); }

static inline void *fiber_join(fiber_t f) {
  if (f->status == FIBER_DONE) return f->value;
  f->joiner = native_running, native_running->joins = f;
  return native_wait();
}

static inline void fiber_pass(void) {
  if (!native_first) return;
  native_wake(native_running, NULL);
  native_go(native_next());
}

static inline void fiber_run(void) {
  if (!native_first) return;
  native_idle = native_running;
  native_wait();
}

static inline void *fiber_park(void) {
  native_running->parked = 1;
  return native_wait();
}

static inline int fiber_is_parked(fiber_t f) { return f->parked; }
static inline void fiber_unpark(fiber_t f, void *value) { native_wake(f, value); }

/* ---- channels: whoever waits looks again when something has happened. Simple and
 * slow, and so that the one who has waited longest goes first. ---- */

typedef struct fiber_chan *fiber_chan_t;
typedef struct fiber_case { fiber_chan_t chan; int send; void *value; int ok; void *internal[4]; } fiber_case_t;
struct native_waiter { struct native_waiter *next; fiber_t fiber; fiber_case_t *at, *all; int n; };
struct fiber_chan { size_t capacity, count; int closed; void *values[64]; };
static struct native_waiter *native_waiters; /* at any channel, by age */

static inline fiber_chan_t fiber_chan_make(size_t capacity) {
  fiber_chan_t chan = calloc(1, sizeof *chan);
  chan->capacity = capacity;
  return chan;
}

static inline void fiber_chan_free(fiber_chan_t chan) { free(chan); }
static inline size_t fiber_chan_len(fiber_chan_t chan) { return chan->count; }

/* Ends the wait of the fiber that has waited longest to send or receive. */
static inline fiber_case_t *native_pick(fiber_chan_t chan, int send, int ok) {
  for (struct native_waiter *w = native_waiters; w; w = w->next) {
    if (w->at->chan != chan || w->at->send != send) continue;
    fiber_case_t *found = w->at;
    fiber_t f = w->fiber;
    found->ok = ok;
    native_wake(f, (void *)(intptr_t)(found - w->all));
    for (struct native_waiter **p = &native_waiters; *p;)
      if ((*p)->fiber == f) {
        struct native_waiter *gone = *p;
        *p = gone->next;
        free(gone);
      } else p = &(*p)->next;
    return found;
  }
  return NULL;
}

static inline int native_try(fiber_case_t *c) {
  fiber_chan_t chan = c->chan;
  fiber_case_t *other;
  if (!chan) return 0;
  c->ok = 1;
  if (c->send) {
    if (chan->closed) c->ok = 0;
    else if ((other = native_pick(chan, 0, 1))) other->value = c->value;
    else if (chan->count < chan->capacity) chan->values[chan->count++] = c->value;
    else return 0;
    return 1;
  }
  if (chan->count) {
    c->value = chan->values[0];
    for (size_t i = 1; i < chan->count; i++) chan->values[i - 1] = chan->values[i];
    chan->count--;
    if ((other = native_pick(chan, 1, 1))) chan->values[chan->count++] = other->value;
    return 1;
  }
  if ((other = native_pick(chan, 1, 1))) c->value = other->value;
  else if (chan->closed) c->value = NULL, c->ok = 0;
  else return 0;
  return 1;
}

static inline int fiber_select(fiber_case_t *cases, int n, int block) {
  for (int i = 0; i < n; i++)
    if (native_try(&cases[i])) return i;
  if (!block) return -1;
  struct native_waiter **end = &native_waiters;
  while (*end) end = &(*end)->next;
  for (int i = 0; i < n; i++) {
    if (!cases[i].chan) continue;
    struct native_waiter *w = calloc(1, sizeof *w);
    *w = (struct native_waiter){NULL, native_running, &cases[i], cases, n};
    *end = w, end = &w->next;
  }
  return (int)(intptr_t)native_wait();
}

static inline int fiber_select_timeout(fiber_case_t *cases, int n, long long nanoseconds) {
  int done = fiber_select(cases, n, 0);
  if (done >= 0 || nanoseconds == 0) return done;
  if (nanoseconds > 0) native_sleep(nanoseconds);
  return fiber_select(cases, n, 1);
}

static inline void fiber_sleep_ns(long long nanoseconds) { native_sleep(nanoseconds), native_wait(); }

/* Takes a fiber out of those that wait at channels; says whether it did. */
static inline int native_stop_waiting(fiber_t f) {
  int waited = 0;
  for (struct native_waiter **p = &native_waiters; *p;) {
    struct native_waiter *w = *p;
    if (w->fiber == f) *p = w->next, free(w), waited = 1;
    else p = &w->next;
  }
  return waited;
}

static inline int fiber_chan_send(fiber_chan_t chan, void *value) {
  fiber_case_t c = {.chan = chan, .send = 1, .value = value};
  return fiber_select(&c, 1, 1) == 0 && c.ok;
}

static inline int fiber_chan_receive(fiber_chan_t chan, void *to) {
  fiber_case_t c = {.chan = chan};
  int done = fiber_select(&c, 1, 1) == 0;
  *(void **)to = done ? c.value : NULL;
  return done && c.ok;
}

static inline void fiber_chan_close(fiber_chan_t chan) {
  fiber_case_t *c;
  chan->closed = 1;
  while ((c = native_pick(chan, 0, 0))) c->value = NULL;
  while (native_pick(chan, 1, 0)) {}
}

/* ---- semaphores and their relatives, in terms of fibers that try again: slower, but
 * in the same order, since who gives something back chooses who gets it ---- */

typedef struct { int count; fiber_t first, last; } fiber_sem_t;
typedef fiber_sem_t fiber_mutex_t, fiber_group_t;
typedef struct { fiber_t first, last; } fiber_cond_t;
#define FIBER_MUTEX {1, NULL, NULL}

static inline void native_line_up(fiber_t *first, fiber_t f) {
  while (*first) first = &(*first)->next;
  f->next = NULL, *first = f;
}

static inline fiber_t native_leave_line(fiber_t *first) {
  fiber_t f = *first;
  *first = f->next;
  return f;
}

static inline void fiber_sem_acquire(fiber_sem_t *sem) {
  if (sem->count > 0) sem->count--;
  else native_line_up(&sem->first, native_running), native_wait();
}

static inline void fiber_sem_release(fiber_sem_t *sem) {
  if (sem->first) native_wake(native_leave_line(&sem->first), NULL);
  else sem->count++;
}

static inline void fiber_mutex_lock(fiber_mutex_t *mutex) { fiber_sem_acquire(mutex); }
static inline void fiber_mutex_unlock(fiber_mutex_t *mutex) { fiber_sem_release(mutex); }

static inline void fiber_cond_wait(fiber_cond_t *cond, fiber_mutex_t *mutex) {
  native_running->joiner = (fiber_t)mutex; /* nobody joins a fiber that waits here */
  native_line_up(&cond->first, native_running);
  fiber_sem_release(mutex);
  native_wait();
  native_running->joiner = NULL;
}

static inline void fiber_cond_signal(fiber_cond_t *cond) {
  if (!cond->first) return;
  fiber_t f = native_leave_line(&cond->first);
  fiber_mutex_t *mutex = (fiber_mutex_t *)f->joiner;
  if (mutex->count > 0) mutex->count--, native_wake(f, NULL);
  else native_line_up(&mutex->first, f);
}

static inline void fiber_cond_broadcast(fiber_cond_t *cond) {
  while (cond->first) fiber_cond_signal(cond);
}

static inline void fiber_group_add(fiber_group_t *group, int n) {
  group->count += n;
  while (group->count == 0 && group->first) native_wake(native_leave_line(&group->first), NULL);
}

static inline void fiber_group_done(fiber_group_t *group) { fiber_group_add(group, -1); }

static inline void fiber_group_wait(fiber_group_t *group) {
  if (group->count == 0) return;
  native_line_up(&group->first, native_running);
  native_running->line = &group->first;
  native_wait();
}

/* ---- regions: behind the four words lies what ucontext needs ---- */

typedef struct { void (*entry)(void *); void *argument, *position, *end; } fiber_region_t;

static inline void fiber_swapcontext(fiber_region_t *from, fiber_region_t *to) {
  ucontext_t *saved = (ucontext_t *)(from + 1), *next = (ucontext_t *)(to + 1);
  if (!to->position) {
    getcontext(next);
    next->uc_stack.ss_sp = next + 1, next->uc_stack.ss_size = (size_t)((char *)to->end - (char *)(next + 1));
    makecontext(next, (void (*)(void))to->entry, 1, to->argument);
    to->position = next;
  }
  from->position = saved;
  swapcontext(saved, next);
}

static inline int fiber_wrap_with_fibers(int (*entry)(void *), void *argument) { return entry(argument); }

/* ---- cancellation ---- */

static inline int fiber_defer(void (*function)(void *), void *value) {
  fiber_deferred_t *d = malloc(sizeof *d);
  *d = (fiber_deferred_t){native_running->deferred, function, value};
  native_running->deferred = d;
  return 1;
}

static inline int fiber_cancelled(void) { return native_running->cancelled; }

static inline void fiber_cancel(fiber_t f, int reason) {
  f->cancelled = reason;
  if (f->status != FIBER_WAITING) return;
  if (native_stop_waiting(f)) {
    native_wake(f, (void *)-1);
    return;
  }
  if (f->joins) f->joins->joiner = NULL;
  if (f->line) {
    fiber_t *p = f->line;
    while (*p != f) p = &(*p)->next;
    *p = f->next;
  }
  if (f->parked || f->joins || f->line || f->asleep) native_wake(f, NULL);
}
