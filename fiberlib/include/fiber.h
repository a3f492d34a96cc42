/* Fibers for C on WebAssembly. `watfiber build` puts the runtime in place of the
 * imports below; a program needs nothing else, and no change to its main.
 *
 *   static void *count(void *from) {
 *     for (intptr_t i = (intptr_t)from;; i++) fiber_yield((void *)i);
 *   }
 *   …
 *   fiber_t f = fiber_alloc(count);
 *   fiber_resume(f, (void *)10, NULL);   // 10: what comes first is the argument
 *   fiber_resume(f, NULL, NULL);         // 11
 *   fiber_free(f);
 *
 * Every exported function of the program runs as a main fiber. A mistake, such as
 * resuming a fiber that is done, traps in a function whose name says it:
 * fiber.cannot_resume. */
#ifndef FIBER_H
#define FIBER_H

#include <stddef.h>

typedef struct fiber *fiber_t;
typedef void *(*fiber_entry_point_t)(void *value);

/* What a fiber is doing. RESUMING: it has resumed another one and waits for it. READY:
 * it runs when it is its turn. WAITING: for a channel, the end of a fiber, or unpark. */
typedef enum {
  FIBER_NEW, FIBER_SUSPENDED, FIBER_RUNNING, FIBER_RESUMING, FIBER_DONE, FIBER_READY, FIBER_WAITING
} fiber_status_t;

/* Why fiber_resume has returned. */
typedef enum { FIBER_OK, FIBER_YIELD, FIBER_ERROR } fiber_result_t;

#define FIBER_IMPORT(name) __attribute__((import_module("fiber"), import_name(#name)))

/* A new fiber, NULL if there is no memory. stack_size counts the C stack and the
 * frames that lie in memory while the fiber is suspended; 0 is 64 KiB. */
FIBER_IMPORT(create) fiber_t fiber_create(fiber_entry_point_t entry, size_t stack_size);

/* Gives the memory of a fiber back that does not run. */
FIBER_IMPORT(free) void fiber_free(fiber_t fiber);

/* Memory of freed fibers is kept for new ones; trim gives it back to malloc. */
FIBER_IMPORT(trim) void fiber_trim(void);

FIBER_IMPORT(current) fiber_t fiber_current(void);
FIBER_IMPORT(status) fiber_status_t fiber_status(fiber_t fiber);

/* A pointer that the program keeps with a fiber. */
FIBER_IMPORT(get_local) void *fiber_get_local(fiber_t fiber);
FIBER_IMPORT(set_local) void fiber_set_local(fiber_t fiber, void *value);

/* Gives control back to who has resumed this fiber; returns what the next resumption
 * brings. */
FIBER_IMPORT(yield) void *fiber_yield(void *value);

/* Runs another fiber in place of this one; returns what a later switch brings. */
FIBER_IMPORT(switch) void *fiber_switch(fiber_t to, void *value);

FIBER_IMPORT(resume) void *fiber_resume_value(fiber_t fiber, void *value);

static inline fiber_t fiber_alloc(fiber_entry_point_t entry) { return fiber_create(entry, 0); }

static inline fiber_t fiber_sized_alloc(size_t stack_size, fiber_entry_point_t entry) {
  return fiber_create(entry, stack_size);
}

/* Runs a fiber until it yields or returns; returns what it has yielded or returned,
 * and says which of them in *result if that is not NULL. */
static inline void *fiber_resume(fiber_t fiber, void *value, fiber_result_t *result) {
  if (fiber_status(fiber) > FIBER_SUSPENDED) {
    if (result) *result = FIBER_ERROR;
    return NULL;
  }
  void *got = fiber_resume_value(fiber, value);
  if (result) *result = fiber_status(fiber) == FIBER_DONE ? FIBER_OK : FIBER_YIELD;
  return got;
}

/* ---- the scheduler: fibers take turns, in the order in which they became ready ---- */

/* A new fiber that is ready to call entry with value; its memory is given back when it
 * is done. NULL if there is no memory. */
FIBER_IMPORT(spawn) fiber_t fiber_spawn_sized(fiber_entry_point_t entry, void *value, size_t stack_size);
static inline fiber_t fiber_spawn(fiber_entry_point_t entry, void *value) { return fiber_spawn_sized(entry, value, 0); }

/* Makes a new fiber ready; join waits until it is done, and returns its result. */
FIBER_IMPORT(start) void fiber_start(fiber_t fiber, void *value);
FIBER_IMPORT(join) void *fiber_join(fiber_t fiber);

/* Lets the others run that are ready: each once, or until none is. */
FIBER_IMPORT(pass) void fiber_pass(void);
FIBER_IMPORT(run) void fiber_run(void);

/* From now on chance says which fiber runs next, the same for the same number: for tests
 * of programs that should not depend on the order. 0 is the usual order again. */
FIBER_IMPORT(seed) void fiber_seed(unsigned number);

/* Waits until another fiber unparks this one; returns the value that it gives. */
FIBER_IMPORT(park) void *fiber_park(void);
FIBER_IMPORT(unpark) void fiber_unpark(fiber_t fiber, void *value);
FIBER_IMPORT(is_parked) int fiber_is_parked(fiber_t fiber);

/* ---- the bare switch, for programs with fibers of their own ---- */

/* Memory of the program for two stacks begins with this: frames of suspended functions
 * grow up from behind it, the C stack grows down from end. Position starts as NULL. The
 * main stack has entry NULL, and for its frames either memory up to end, or, with end
 * NULL, what is free below the C stack. */
typedef struct {
  void (*entry)(void *argument); /* must not return */
  void *argument, *position, *end;
} fiber_region_t;

/* Suspends what runs, in from, and runs to. */
FIBER_IMPORT(swapcontext) void fiber_swapcontext(fiber_region_t *from, fiber_region_t *to);

/* Calls entry, in which regions can be switched, and returns what it returns. */
FIBER_IMPORT(wrap_with_fibers) int fiber_wrap_with_fibers(int (*entry)(void *argument), void *argument);

/* ---- channels of pointers, or of integers that fit in one ---- */

typedef struct fiber_chan *fiber_chan_t;

/* Capacity 0: a send waits until its value is received. NULL if there is no memory. */
FIBER_IMPORT(chan_make) fiber_chan_t fiber_chan_make(size_t capacity);
FIBER_IMPORT(chan_free) void fiber_chan_free(fiber_chan_t chan);
FIBER_IMPORT(chan_len) size_t fiber_chan_len(fiber_chan_t chan);

/* 0: the channel is closed. What was sent before can still be received. */
FIBER_IMPORT(chan_send) int fiber_chan_send(fiber_chan_t chan, void *value);
FIBER_IMPORT(chan_receive) int fiber_chan_receive(fiber_chan_t chan, void *value);
FIBER_IMPORT(chan_close) void fiber_chan_close(fiber_chan_t chan);

/* One of the operations that a select chooses from. */
typedef struct {
  fiber_chan_t chan; /* NULL: this one is out of the question */
  int send;          /* 1 to send, 0 to receive */
  void *value;       /* to send, or what was received */
  int ok;            /* 0: the channel is closed */
  void *internal[4];
} fiber_case_t;

/* Waits until one of the cases can go ahead, does it, and returns its number; if several
 * can, that of the first. Without block it returns -1 rather than wait. */
FIBER_IMPORT(select) int fiber_select(fiber_case_t *cases, int n, int block);

/* Returns -1 if none could go ahead for so long; a negative number is for ever. */
FIBER_IMPORT(select_timeout) int fiber_select_timeout(fiber_case_t *cases, int n, long long nanoseconds);

/* ---- semaphores, mutexes, condition variables, wait groups: fibers wait in line.
 * They need no memory but their own; all start as zeros, a mutex as FIBER_MUTEX. ---- */

typedef struct { int count; fiber_t first, last; } fiber_sem_t;
typedef fiber_sem_t fiber_mutex_t;
typedef struct { fiber_t first, last; } fiber_cond_t;
typedef struct { int count; fiber_t first, last; } fiber_group_t;

#define FIBER_MUTEX {1, NULL, NULL}

FIBER_IMPORT(acquire) void fiber_sem_acquire(fiber_sem_t *sem);
FIBER_IMPORT(release) void fiber_sem_release(fiber_sem_t *sem);
static inline void fiber_mutex_lock(fiber_mutex_t *mutex) { fiber_sem_acquire(mutex); }
static inline void fiber_mutex_unlock(fiber_mutex_t *mutex) { fiber_sem_release(mutex); }

/* Unlocks the mutex and waits for a signal; returns with the mutex locked. */
FIBER_IMPORT(cond_wait) void fiber_cond_wait(fiber_cond_t *cond, fiber_mutex_t *mutex);
FIBER_IMPORT(cond_signal) void fiber_cond_signal(fiber_cond_t *cond);
FIBER_IMPORT(cond_broadcast) void fiber_cond_broadcast(fiber_cond_t *cond);

/* Waits until as many are done as were added. */
FIBER_IMPORT(group_add) void fiber_group_add(fiber_group_t *group, int n);
FIBER_IMPORT(group_wait) void fiber_group_wait(fiber_group_t *group);
static inline void fiber_group_done(fiber_group_t *group) { fiber_group_add(group, -1); }

/* ---- cancellation ---- */

/* Gives a fiber a reason, not 0, to end. If it waits for a channel, a fiber, a group, a
 * time, a descriptor or to be unparked, its wait ends: sends and receives return 0, a select
 * -1, a park and a join NULL. Who waits for a semaphore or a mutex goes on waiting. */
FIBER_IMPORT(cancel) void fiber_cancel(fiber_t fiber, int reason);

/* The reason why this fiber was cancelled, 0 if it was not. */
FIBER_IMPORT(cancelled) int fiber_cancelled(void);

/* Has a function called when this fiber ends or is freed, the last one first. It must not
 * suspend. 0 if there is no memory to remember it. */
FIBER_IMPORT(defer) int fiber_defer(void (*function)(void *), void *value);

/* ---- time and IO, on WASI: where a fiber waits, others run ---- */

FIBER_IMPORT(sleep) void fiber_sleep_ns(long long nanoseconds);
FIBER_IMPORT(now) long long fiber_now_ns(void);

/* Waits until a descriptor is ready for one of events, but for no longer than some
 * nanoseconds if they are not negative. Returns the events, 0 if the time is over, -EBADF,
 * or -ECANCELED. What is ready may turn out not to be: the host says so, and it may err.
 *
 * With `watfiber build --redirect=wasi`, read, write, poll, accept, recv, send and sleep of
 * the C library wait so themselves; when they are cancelled, errno is ECANCELED. */
enum { FIBER_READ = 1, FIBER_WRITE = 2 };
FIBER_IMPORT(wait_fd) int fiber_wait_fd(int fd, int events, long long nanoseconds);

/* ---- looking at fibers ---- */

/* The fiber behind another in the list of all, the first for NULL; NULL behind the last. */
FIBER_IMPORT(each) fiber_t fiber_each(fiber_t fiber);

/* What a fiber waits for that is WAITING. */
typedef enum {
  FIBER_WAIT_NOTHING, FIBER_WAIT_FIBER, FIBER_WAIT_CHANNEL, FIBER_WAIT_TIME, FIBER_WAIT_GROUP, FIBER_WAIT_IO,
  FIBER_WAIT_SEMAPHORE, FIBER_WAIT_CONDITION, FIBER_WAIT_SELECT = 9, FIBER_WAIT_HOST
} fiber_wait_t;
FIBER_IMPORT(waits_for) fiber_wait_t fiber_waits_for(fiber_t fiber);

/* Bytes that the stacks of a fiber took when it was suspended last, and the most that they
 * took at any switch. */
FIBER_IMPORT(used) size_t fiber_used(fiber_t fiber);
FIBER_IMPORT(most_used) size_t fiber_most_used(fiber_t fiber);

/* Calls a function while no fiber runs: the calling one leaves its stack, and comes back
 * afterwards. So everything that any fiber has in its locals lies in memory, where a
 * garbage collector can find it. The function must not suspend. */
FIBER_IMPORT(look) void fiber_look(void (*function)(void *value), void *value);

/* For a function that looks: calls another one for each part of memory that holds a stack
 * in use, frames and C stacks; or for the address of each i32 in the frames that will be
 * needed, which is where pointers can be. */
FIBER_IMPORT(ranges) void fiber_ranges(void (*function)(void *start, void *end, void *value), void *value);
FIBER_IMPORT(slots) void fiber_slots(void (*function)(void **slot, void *value), void *value);

/* Where a fiber is: its frames, the innermost first. At most n are stored; the result is
 * how many there are. None of a fiber that runs, is new, or done. */
typedef struct {
  const char *function;
  const char *file; /* NULL if the program was compiled without -g */
  int line;
  void *frame;
} fiber_frame_t;
FIBER_IMPORT(backtrace) size_t fiber_backtrace(fiber_t fiber, fiber_frame_t *frames, size_t n);

/* The values that its frame number depth, 0 is the innermost, holds and will need. */
typedef struct {
  const char *name; /* of the local in the module, or its number */
  int type;         /* 'i' i32, 'l' i64, 'f' f32, 'd' f64, 'v' v128 */
  void *value;      /* where it is */
} fiber_local_t;
FIBER_IMPORT(locals) size_t fiber_locals(fiber_t fiber, size_t depth, fiber_local_t *locals, size_t n);

/* ---- for languages with a runtime of their own ---- */

/* Which functions stand for malloc and free, if they have no names in the module. A
 * program that imports it calls it first. */
FIBER_IMPORT(set_allocator) void fiber_set_allocator(void *(*allocate)(size_t), void (*release)(void *));

/* Goes through all fibers: returns the first for NULL, NULL behind the last. ends gets
 * the lowest byte of the shadow stack of the fiber and the first behind it; NULL if that
 * is where the stack of the program ends. */
FIBER_IMPORT(next_stack) fiber_t fiber_next_stack(fiber_t fiber, void *ends[2]);

/* For programs written for other fiber libraries. */
static inline void fiber_init(void) {}
static inline void fiber_finalize(void) { fiber_trim(); }

#endif
