// Sorts numbers by sleeping, with the functions of WASI 0.2 as a core module imports
// them: ../wit/timers.wit says which of them wait.
//
//	watfiber build --wit=../wit/timers.wit timers.wasm -o timers.fiber.wasm

#include <stdint.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

#define CLOCK "wasi:clocks/monotonic-clock@0.2.0"
IMPORT(CLOCK, "subscribe-duration") uint32_t subscribe_duration(uint64_t nanoseconds);

#define POLL "wasi:io/poll@0.2.0"
struct list { const uint32_t *items; uint32_t length; };
IMPORT(POLL, "poll") void poll(const uint32_t *pollables, uint32_t length, struct list *ready);
IMPORT(POLL, "[method]pollable.block") void pollable_block(uint32_t self);
IMPORT(POLL, "[resource-drop]pollable") void pollable_drop(uint32_t self);

struct result { uint8_t is_error; uint8_t error; uint32_t code; };
IMPORT("wasi:cli/stdout@0.2.0", "get-stdout") uint32_t get_stdout(void);
IMPORT("wasi:io/streams@0.2.0", "[method]output-stream.blocking-write-and-flush")
void write_and_flush(uint32_t self, const char *bytes, uint32_t length, struct result *result);
IMPORT("wasi:io/streams@0.2.0", "[resource-drop]output-stream") void output_stream_drop(uint32_t self);

// What the host allocates for the results of poll.
static uint32_t space[64];

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, uint32_t old_size, uint32_t align, uint32_t size) {
  (void)old, (void)old_size, (void)align;
  if (size > sizeof space) __builtin_trap();
  return space;
}

static void print(const char *text, uint32_t length) {
  struct result result;
  uint32_t stdout = get_stdout();
  write_and_flush(stdout, text, length, &result);
  output_stream_drop(stdout);
  if (result.is_error) __builtin_trap();
}

// Waits until a timer has run down, and takes it out of the lists.
static uint32_t next(uint32_t *timers, uint32_t *values, uint32_t n) {
  struct list ready;
  poll(timers, n, &ready);
  uint32_t at = ready.items[0], value = values[at];
  pollable_drop(timers[at]);
  timers[at] = timers[n - 1];
  values[at] = values[n - 1];
  return value;
}

__attribute__((export_name("run")))
uint32_t run(void) {
  uint32_t values[] = {3, 1, 4, 5, 2}, timers[5], n = 5, sum = 0;
  for (uint32_t i = 0; i < n; i++) timers[i] = subscribe_duration((uint64_t)values[i] * 1000000);
  for (; n > 0; n--) {
    uint32_t value = next(timers, values, n);
    char line[] = {'0' + value, '\n'};
    print(line, sizeof line);
    sum = 10 * sum + value;
  }
  uint32_t last = subscribe_duration(1000000);
  pollable_block(last);
  pollable_drop(last);
  return sum;
}
