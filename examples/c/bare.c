/* A program without a C library, and so without malloc: the fiber library takes its
 * memory from memory.grow. */
#include <fiber.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
enum { CHANNELS = 10000, BLOCKS = 200 };

static fiber_chan_t channels[CHANNELS];

/* Makes n channels of a capacity, fills them, and frees them again; returns the sum of what
 * was in them. */
EXPORT(fill) int fill(int n, int capacity) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    channels[i] = fiber_chan_make((size_t)capacity);
    for (int k = 0; k < capacity; k++) fiber_chan_send(channels[i], (void *)(intptr_t)(i + k));
  }
  for (int i = 0; i < n; i++) {
    void *value;
    for (int k = 0; k < capacity; k++) fiber_chan_receive(channels[i], &value), sum += (int)(intptr_t)value;
    fiber_chan_free(channels[i]);
  }
  return sum;
}

static unsigned seed;
static unsigned below(unsigned n) { return seed = seed * 1664525 + 1013904223, (seed >> 8) % n; }

static void clean(void *value) { *(int *)value += 1; }
static void *hold(void *counter) {
  fiber_defer(clean, counter), fiber_defer(clean, counter);
  for (;;) fiber_yield(counter);
}

/* Makes and frees channels and fibers of many sizes at random, and looks whether what is in
 * them stays as it is; returns how many were wrong. */
EXPORT(churn) int churn(unsigned from, int steps) {
  static struct { fiber_chan_t chan; fiber_t fiber; unsigned capacity, mark; } blocks[BLOCKS];
  static int cleaned;
  int wrong = 0, deferred = 0;
  seed = from, cleaned = 0;
  for (int i = 0; i < BLOCKS; i++) blocks[i].chan = NULL, blocks[i].fiber = NULL;
  for (int step = 0; step < steps + BLOCKS; step++) {
    unsigned i = step < steps ? below(BLOCKS) : (unsigned)(step - steps);
    if (blocks[i].chan) {
      void *value;
      for (unsigned k = 0; k < blocks[i].capacity; k++)
        wrong += !fiber_chan_receive(blocks[i].chan, &value) || (unsigned)(uintptr_t)value != blocks[i].mark + k;
      fiber_chan_free(blocks[i].chan), blocks[i].chan = NULL;
    } else if (blocks[i].fiber) {
      wrong += fiber_resume(blocks[i].fiber, NULL, NULL) != &cleaned;
      fiber_free(blocks[i].fiber), blocks[i].fiber = NULL;
    } else if (step >= steps) {
    } else if (below(4)) {
      blocks[i].capacity = below(below(20) ? 100 : 20000), blocks[i].mark = below(1 << 20);
      blocks[i].chan = fiber_chan_make(blocks[i].capacity);
      for (unsigned k = 0; k < blocks[i].capacity; k++) fiber_chan_send(blocks[i].chan, (void *)(uintptr_t)(blocks[i].mark + k));
    } else {
      blocks[i].fiber = fiber_create(hold, 1024u << below(8));
      fiber_resume(blocks[i].fiber, &cleaned, NULL), deferred += 2;
    }
  }
  fiber_trim();
  return wrong + (cleaned != deferred);
}

EXPORT(pages) int pages(void) { return (int)__builtin_wasm_memory_size(0); }
